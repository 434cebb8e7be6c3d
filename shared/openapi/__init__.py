"""The contract as OpenAPI and AsyncAPI documents, generated from the models of the functions."""
