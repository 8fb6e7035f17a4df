"""What is said about miners, and to them: Assist, sentences and language models."""
