"""Models of OpenCLIP as encoders: from a name to weights, and back to a folder."""
