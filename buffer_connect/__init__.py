"""Links a Django site's users to their Buffer accounts and keeps the links fresh."""
