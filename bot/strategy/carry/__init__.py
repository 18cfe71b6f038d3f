"""What a token can earn while it waits: cover sold or bought with it, incentivised pools."""
