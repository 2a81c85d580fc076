"""Answer the actions' ports through mail servers, webhooks and templates."""
