"""gpt2lab: GPT-2 taken apart and put back together."""
