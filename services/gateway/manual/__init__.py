"""How the edge describes itself: the OpenAPI document, made from the routes and types that serve, and the pages made from it."""
