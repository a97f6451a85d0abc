// Starts Swagger UI. A response with an access token (sign-in, refresh, verification) authorizes every operation on the
// page; a sign-out removes the authorization.
"use strict";

const SCHEME = "AccessToken";
const SIGNS_IN = /\/v1\/auth\/(login|verify|refresh)$/;
const SIGNS_OUT = /\/v1\/auth\/(logout|logout-all)$/;

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
    if (response.ok && SIGNS_IN.test(path)) {
      ui.preauthorizeApiKey(SCHEME, JSON.parse(response.text).access_token);
    } else if (response.ok && SIGNS_OUT.test(path)) {
      ui.authActions.logout([SCHEME]);
    }
    return response;
  },
});
