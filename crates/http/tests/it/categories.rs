use serde_json::Value;
use stanchion_http::auth::Scope;

use crate::world::World;

#[tokio::test]
async fn categories_come_with_their_first_product() {
    let world = World::start().await;
    let list = || async {
        let response = world.get("/v1/categories").send().await.unwrap();
        response.json::<Value>().await.unwrap()["items"].clone()
    };
    assert_eq!(list().await, Value::Array(Vec::new()));
    let writer = world.key(&[Scope::CatalogWrite]).await;
    world.product(&writer, "A", "active").await;
    assert_eq!(list().await[0]["name"], "lamps");
}
