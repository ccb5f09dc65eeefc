//! Every page in every language: that it is well formed, reachable for everybody, small, and safe
//! with whatever stands in its fields. `COUNTERSIGN_TEST_PAGES=folder` also writes all pages there.

mod assets;
mod escaping;
mod every_page;
mod html;
mod languages;
mod responses;
mod samples;
