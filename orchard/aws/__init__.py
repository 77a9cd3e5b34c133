"""Sessions, clients and errors of AWS, and the outputs of the deployed stack."""
