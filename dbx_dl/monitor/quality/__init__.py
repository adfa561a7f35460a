"""How well a model does on scored rows whose truth is known by now."""
