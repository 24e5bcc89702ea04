"""The tables and figures of EfficientNetV2 and EfficientNet, each by a command (docs/papers.md)."""
