"""What commands and HTTP share: connections, errors, output."""
