"""The embedded environment: Temporal, the local clouds and the workers as processes under one supervisor."""
