mod broken;
mod coverage;
mod seeds;
