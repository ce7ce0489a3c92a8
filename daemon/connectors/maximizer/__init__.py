"""Maximizer CRM: its element, addresses, authorization, and its Octopus API as a connector."""
