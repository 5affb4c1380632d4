mod broken;
mod seeds;
