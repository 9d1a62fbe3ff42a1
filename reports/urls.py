"""The addresses of the report pages."""

from django.urls import path

from reports import views

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("properties/<str:property_id>/", views.overview, name="overview"),
    path("properties/<str:property_id>/<slug:slug>/", views.report, name="report"),
]
