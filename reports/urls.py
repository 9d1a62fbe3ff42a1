"""The addresses of the report pages."""

from django.urls import path

from reports import views

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("health/live/", views.live, name="live"),
    path("data-flows/<uuid:data_flow_id>/quarantine/<int:quarantine_id>/", views.load_again, name="load-again"),
    path("properties/<str:property_id>/", views.overview, name="overview"),
    path("properties/<str:property_id>/<slug:slug>/", views.report, name="report"),
]
