//! Deployments that are checked, fail, are repeated and cancelled.

use serde_json::{Value, json};

use crate::azure::{Azure, web};
use crate::founding;

fn submitted(template: &Value) -> Value {
    json!({ "properties": { "mode": "Incremental", "template": template, "parameters": {} } })
}

fn template(resources: Value) -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": resources,
    })
}

fn nsg(name: &str, depends_on: &[&str]) -> Value {
    json!({
        "type": "Microsoft.Network/networkSecurityGroups", "apiVersion": "2025-07-01", "name": name,
        "location": "eastus", "dependsOn": depends_on, "properties": {},
    })
}

#[tokio::test]
async fn validation_answers_in_the_shape_of_a_deployment_and_deploys_nothing() {
    let azure = Azure::with_group().await;
    let path = azure.provider("Microsoft.Resources/deployments/d");
    let answer = azure
        .post(
            &format!("{path}/validate"),
            Some(submitted(&founding::template(100))),
        )
        .await
        .expect(200)
        .body;
    let properties = &answer["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["duration"], "PT0S");
    assert_eq!(
        properties["validatedResources"].as_array().unwrap().len(),
        8
    );
    azure.get(&path).await.expect(404);
    azure.head(&path).await.expect(404);

    let refused = azure
        .post(
            &format!("{path}/whatIf"),
            Some(submitted(&template(json!([])))),
        )
        .await
        .expect(501);
    assert_eq!(refused.code(), "NotSupported");
}

#[tokio::test]
async fn a_template_that_is_wrong_is_refused_at_once() {
    let azure = Azure::with_group().await;
    let path = azure.provider("Microsoft.Resources/deployments/d");
    let missing = template(json!([nsg(
        "a",
        &["[resourceId('Microsoft.Network/networkSecurityGroups', 'b')]"]
    )]));
    let refused = azure.put(&path, submitted(&missing)).await.expect(400);
    assert_eq!(refused.code(), "InvalidTemplate");
    for (member, value) in [
        ("mode", json!("Complete")),
        ("templateLink", json!({ "uri": "x" })),
    ] {
        let mut body = submitted(&template(json!([])));
        body["properties"][member] = value;
        let refused = azure.put(&path, body).await.expect(501);
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(member) || message.contains("Complete"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn after_a_failure_what_depends_on_it_is_not_started_and_the_rest_finishes() {
    let azure = Azure::with_group().await;
    let vnet = json!({
        "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2025-07-01", "name": "vnet", "location": "eastus",
        "properties": {
            "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "subnets": [{ "name": "aci", "properties": {
                "addressPrefix": "10.0.0.0/24",
                "delegations": [{ "name": "d", "properties": { "serviceName": "Microsoft.ContainerInstance/containerGroups" } }],
            } }],
        },
    });
    let mut group = web("[resourceId('Microsoft.Network/virtualNetworks/subnets', 'vnet', 'aci')]");
    for (member, value) in [
        ("type", json!("Microsoft.ContainerInstance/containerGroups")),
        ("apiVersion", json!("2025-09-01")),
        ("name", json!("web")),
        (
            "dependsOn",
            json!(["[resourceId('Microsoft.Network/virtualNetworks', 'vnet')]"]),
        ),
    ] {
        group[member] = value;
    }
    group["properties"]["containers"][0]["properties"]["image"] = json!("nginx");
    let group_id = "[resourceId('Microsoft.ContainerInstance/containerGroups', 'web')]";
    let body = template(json!([
        vnet,
        group,
        nsg("after", &[group_id]),
        nsg("beside", &[])
    ]));

    let path = azure.provider("Microsoft.Resources/deployments/d");
    let accepted = azure.put(&path, submitted(&body)).await.expect(201);
    let ended = azure.settled(&accepted).await;
    assert_eq!(ended["status"], "Failed");
    let error = &ended["error"];
    assert_eq!(error["code"], "DeploymentFailed");
    let [detail] = error["details"].as_array().unwrap().as_slice() else {
        panic!("one failure: {error}");
    };
    assert_eq!(detail["code"], "InaccessibleImage");
    assert!(
        detail["target"]
            .as_str()
            .unwrap()
            .ends_with("/containerGroups/web")
    );
    let deployment = azure.get(&path).await.expect(200).body;
    assert_eq!(deployment["properties"]["provisioningState"], "Failed");
    assert_eq!(&deployment["properties"]["error"], error);
    assert!(deployment["properties"]["outputs"].is_null());

    let operations = azure
        .get(&azure.in_group("/deployments/d/operations"))
        .await
        .expect(200)
        .body;
    let mut states = operations["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| {
            let properties = &operation["properties"];
            (
                properties["targetResource"]["resourceName"]
                    .as_str()
                    .unwrap(),
                properties["provisioningState"].as_str().unwrap(),
                properties["statusCode"].as_str().unwrap(),
            )
        })
        .collect::<Vec<_>>();
    states.sort_unstable();
    assert_eq!(
        states,
        [
            ("beside", "Succeeded", "Created"),
            ("vnet", "Succeeded", "Created"),
            ("web", "Failed", "BadRequest")
        ]
    );
    azure
        .get(&azure.provider("Microsoft.Network/networkSecurityGroups/after"))
        .await
        .expect(404);

    // A terminal deployment of the same name is replaced, and can only then be deleted.
    let again = azure
        .put(&path, submitted(&template(json!([]))))
        .await
        .expect(200);
    assert_eq!(azure.settled(&again).await["status"], "Succeeded");
    let refused = azure
        .post(&format!("{path}/cancel"), None)
        .await
        .expect(409);
    assert_eq!(refused.code(), "DeploymentCannotBeCancelled");
    let list = azure
        .get(&azure.provider("Microsoft.Resources/deployments/"))
        .await
        .expect(200)
        .body;
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    let deletion = azure.delete(&path).await.expect(202);
    assert_eq!(azure.located(&deletion).await.status, 200);
    azure.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_secure_parameter_is_in_no_answer() {
    const SECRET: &str = "hunter2-and-more";
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, crate::azure::network()).await;
    let mut group = web(&format!("{vnet}/subnets/aci"));
    group["type"] = json!("Microsoft.ContainerInstance/containerGroups");
    group["apiVersion"] = json!("2025-09-01");
    group["name"] = json!("web");
    let container = &mut group["properties"]["containers"][0]["properties"];
    container["environmentVariables"] =
        json!([{ "name": "S", "secureValue": "[parameters('secret')]" }]);
    let secure = |mut body: Value| {
        body["parameters"] = json!({
            "secret": { "type": "secureString" },
            "map": { "type": "secureObject", "defaultValue": { "inner": "hunter2-default" } },
        });
        let mut body = submitted(&body);
        body["properties"]["parameters"] = json!({ "secret": { "value": SECRET } });
        body
    };
    let mut good = template(json!([group]));
    good["outputs"] = json!({
        "secure": { "type": "secureString", "value": "[parameters('secret')]" },
        "plain": { "type": "string", "value": "[concat('it is ', parameters('secret'))]" },
        "inner": { "type": "object", "value": { "deep": "[parameters('map').inner]" } },
        "other": { "type": "string", "value": "string" },
    });
    let path = azure.provider("Microsoft.Resources/deployments/d");
    let operations = azure.in_group("/deployments/d/operations");
    let accepted = azure.put(&path, secure(good)).await.expect(201);
    assert_eq!(azure.settled(&accepted).await["status"], "Succeeded");
    let deployed = azure.get(&path).await.expect(200).body;
    let outputs = &deployed["properties"]["outputs"];
    assert_eq!(outputs["secure"], json!({ "type": "SecureString" }));
    assert_eq!(outputs["plain"]["value"], "it is ***");
    assert_eq!(outputs["inner"]["value"]["deep"], "***");
    assert_eq!(
        outputs["other"],
        json!({ "type": "String", "value": "string" })
    );
    assert_eq!(
        deployed["properties"]["parameters"]["secret"],
        json!({ "type": "SecureString" })
    );

    // The provider's message quotes what it refuses, once while it runs and once before.
    let mut image = group.clone();
    image["properties"]["containers"][0]["properties"]["image"] = json!("[parameters('secret')]");
    let again = azure
        .put(&path, secure(template(json!([image]))))
        .await
        .expect(200);
    let ended = azure.settled(&again).await;
    assert!(
        ended["error"]["details"][0]["message"]
            .as_str()
            .unwrap()
            .contains("`***`"),
        "{ended}"
    );
    let mut early = group.clone();
    early["properties"]["restartPolicy"] = json!("[parameters('secret')]");
    let refused = azure
        .put(&path, secure(template(json!([early]))))
        .await
        .expect(400);
    assert!(
        refused.body.to_string().contains("'***'"),
        "{}",
        refused.body
    );
    for body in [
        accepted.body,
        deployed,
        again.body,
        ended,
        refused.body,
        azure.get(&path).await.expect(200).body,
        azure.get(&operations).await.expect(200).body,
        azure
            .get(&azure.in_group("/resources"))
            .await
            .expect(200)
            .body,
    ] {
        assert!(!body.to_string().contains("hunter2"), "{body}");
    }
}
