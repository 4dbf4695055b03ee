"""Models in Hugging Face's form as encoders, by transformers."""
