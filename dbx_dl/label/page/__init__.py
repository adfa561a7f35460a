"""A small local web page to label with: people confirm, and what they confirmed is on disk before it says saved."""
