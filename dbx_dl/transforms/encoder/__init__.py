"""Parts of an encoder graph, by kind of feature; `transforms.tabular` puts them together."""
