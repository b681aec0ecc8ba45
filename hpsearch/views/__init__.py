"""What a person sees: streams, tables, facts in words, a search as it goes on."""
