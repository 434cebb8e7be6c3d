"""The contract as OpenAPI and AsyncAPI documents, made from the models that the functions use."""
