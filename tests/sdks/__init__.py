"""Programs that call a started server through generated clients; `.ci/sdks` generates and runs them."""
