// Starts Swagger UI; signing in, refreshing or verifying opens every lock, and signing out closes them.
"use strict";

const SCHEME = "AccessToken";
const OPENS = /\/v1\/auth\/(login|verify|refresh)$/;
const CLOSES = /\/v1\/auth\/(logout|logout-all)$/;

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  layout: "BaseLayout",
  responseInterceptor: (response) => {
    const path = new URL(response.url, location.href).pathname;
    if (response.ok && OPENS.test(path)) {
      ui.preauthorizeApiKey(SCHEME, JSON.parse(response.text).access_token);
    } else if (response.ok && CLOSES.test(path)) {
      ui.authActions.logout([SCHEME]);
    }
    return response;
  },
});
