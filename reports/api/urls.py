"""The addresses of the API's first version; it asks for credentials itself, and never redirects to a page."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from reports.api.views import MetaView, QueryView

urlpatterns = [
    path("query", login_not_required(QueryView.as_view()), name="api-query"),
    path("meta", login_not_required(MetaView.as_view()), name="api-meta"),
]
