"""The addresses of the registry's pages."""

from django.urls import path

from dataflows import views

urlpatterns = [
    path("", views.data_flow_list, name="data-flow-list"),
    path("register/", views.register, name="data-flow-register"),
    path("<uuid:data_flow_id>/", views.data_flow_detail, name="data-flow-detail"),
    path("<uuid:data_flow_id>/edit/", views.edit, name="data-flow-edit"),
    path("<uuid:data_flow_id>/state/", views.change_state, name="data-flow-state"),
    path("<uuid:data_flow_id>/backfill/", views.backfill, name="data-flow-backfill"),
    path(
        "<uuid:data_flow_id>/incidents/<uuid:incident_id>/retry/",
        views.retry_incident,
        name="incident-retry",
    ),
    path("<uuid:data_flow_id>/send-again/", views.send_again, name="data-flow-send-again"),
    path("<uuid:data_flow_id>/deregister/", views.deregister, name="data-flow-deregister"),
]
