"""The sandbox: a Maximizer stand-in and a sample receiver that know nothing of the product."""
