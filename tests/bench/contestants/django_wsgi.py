"""The WSGI application of both Django contestants."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
