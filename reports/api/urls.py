"""The addresses of the API's first version."""

from django.urls import path

from reports.api.views import MetaView, QueryView

urlpatterns = [
    path("query", QueryView.as_view(), name="api-query"),
    path("meta", MetaView.as_view(), name="api-meta"),
]
