"""Django's production settings, for both contestants; `URLS` selects one."""

import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

parts = urlsplit(os.environ["DATABASE_URL"])
POSTGRES: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": parts.path.removeprefix("/"),
    "USER": parts.username,
    "HOST": parse_qs(parts.query).get("host", [parts.hostname])[0],
    "CONN_MAX_AGE": None,
}
SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": parts.path.removeprefix("/"),
    "CONN_MAX_AGE": None,
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"},
}
DEBUG = False
SECRET_KEY = os.environ["SECRET"]
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": SQLITE if parts.scheme == "sqlite" else POSTGRES}
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
ROOT_URLCONF = os.environ["URLS"]
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**21
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
SIMPLE_JWT = {"SIGNING_KEY": os.environ["SECRET"], "USER_ID_CLAIM": "sub"}
