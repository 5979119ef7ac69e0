//! Functions as a table: the text of an expression and the value or message that it gives.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::arm::expression::{Environment, Fault, evaluate, parse};
use crate::arm::{ResourceId, Scope};

/// An environment with one parameter, a loop at index 3 and nothing live.
pub(in crate::arm::expression) struct Fixture(Scope);

impl Fixture {
    pub(in crate::arm::expression) fn new() -> Fixture {
        Fixture(Scope {
            subscription_id: "sub".to_owned(),
            tenant_id: "ten".to_owned(),
            resource_group: "rg".to_owned(),
            location: "westeurope".to_owned(),
            deployment: "dep".to_owned(),
        })
    }
}

impl Environment for Fixture {
    fn parameter(&self, name: &str, _: usize) -> Result<Value, Fault> {
        match name {
            "p" => Ok(json!({"Name": "x", "list": [1, 2]})),
            _ => Err(Fault::Invalid("no such parameter".to_owned())),
        }
    }
    fn variable(&self, _: &str, _: usize) -> Result<Value, Fault> {
        Err(Fault::Invalid("no variables".to_owned()))
    }
    fn user_function(&self, _: &str, _: &str, a: Vec<Value>, _: usize) -> Result<Value, Fault> {
        Ok(a.into())
    }
    fn copy_index(&self, _: Option<&str>) -> Result<i64, Fault> {
        Ok(3)
    }
    fn reference(&self, _: &str, _: Option<&str>, _: bool) -> Result<Value, Fault> {
        Err(Fault::Unknown)
    }
    fn list(&self, _: &str, _: &str, _: &str, _: Option<&Value>) -> Result<Value, Fault> {
        Err(Fault::Unknown)
    }
    fn deployment(&self) -> Value {
        json!({"name": "dep"})
    }
    fn scope(&self) -> &Scope {
        &self.0
    }
    fn now(&self) -> Result<jiff::Timestamp, Fault> {
        Ok(jiff::Timestamp::from_second(1_600_000_000).unwrap())
    }
    fn new_guid(&self) -> Result<uuid::Uuid, Fault> {
        Ok(uuid::Uuid::nil())
    }
}

fn value(text: &str) -> Result<Value, String> {
    let tree = parse(text).map_err(|error| error.to_string())?;
    evaluate(&tree, &Fixture::new(), 0).map_err(|fault| match fault {
        Fault::Unknown => "unknown until deployed".to_owned(),
        Fault::Invalid(message) => message,
        Fault::Azure(error) => error.to_string(),
    })
}

fn gives(table: &[(&str, Value)]) {
    for (text, expected) in table {
        assert_eq!(value(text).as_ref(), Ok(expected), "{text}");
    }
}

fn refuses(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let message = value(text).expect_err(text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn names_by_hash_match_the_vendors_vectors() {
    gives(&[
        (
            "guid('asdf')",
            json!("228d27cc-6fdb-5934-b7ac-1efccebade04"),
        ),
        (
            "guid('foo','bar','baz')",
            json!("2ed86837-7c7c-5eaa-9864-dd077fd19b0d"),
        ),
        ("uniqueString('asd','asdf','asdf')", json!("iizpqit7ih3cc")),
        (
            "uniqueString('snap','crackle','pop')",
            json!("byghxckddilkc"),
        ),
        (
            "uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/myRg')",
            json!("js26ofeqkqeve"),
        ),
    ]);
}

#[test]
fn arrays_and_objects() {
    gives(&[
        ("array('a')", json!(["a"])),
        ("array(createArray(1))", json!([1])),
        (
            "concat(createArray(1), createArray(2, 3))",
            json!([1, 2, 3]),
        ),
        ("concat('a', 1, true())", json!("a1True")),
        ("concat('x')", json!("x")),
        ("contains('abc', 'B')", json!(false)),
        ("contains(createArray('b'), 'b')", json!(true)),
        ("contains(createObject('Key', 1), 'kEY')", json!(true)),
        (
            "createObject('a', 1, 'b', createArray())",
            json!({"a": 1, "b": []}),
        ),
        ("empty(null())", json!(true)),
        ("empty('a')", json!(false)),
        ("first('abc')", json!("a")),
        ("first(createArray())", Value::Null),
        ("last('')", json!("")),
        ("last(createArray(1, 2))", json!(2)),
        (
            "flatten(createArray(createArray(1), createArray(2, createArray(3))))",
            json!([1, 2, [3]]),
        ),
        ("indexOf('abcABC', 'BC')", json!(1)),
        ("lastIndexOf('abcABC', 'bc')", json!(4)),
        ("indexOf(createArray('a', 'A'), 'A')", json!(1)),
        ("indexOf('abc', 'z')", json!(-1)),
        (
            "intersection(createArray(1, 2, 3), createArray(3, 2))",
            json!([2, 3]),
        ),
        (
            "intersection(json('{''a'':1,''b'':2}'), json('{''a'':1,''b'':3}'))",
            json!({"a": 1}),
        ),
        (
            "items(createObject('b', 1, 'A', 2, '1', 3))",
            json!([{"key": "1", "value": 3}, {"key": "A", "value": 2}, {"key": "b", "value": 1}]),
        ),
        (
            "objectKeys(createObject('b', 1, 'A', 2))",
            json!(["A", "b"]),
        ),
        (
            "join(createArray('a', 1, false()), '-')",
            json!("a-1-False"),
        ),
        ("json('{\"a\": [true]}')", json!({"a": [true]})),
        (
            "json('{''a'': ''it is \"x\"''}')",
            json!({"a": "it is \"x\""}),
        ),
        ("json('null')", Value::Null),
        ("json('5')", json!(5)),
        ("length('abc')", json!(3)),
        ("length(createObject('a', 1))", json!(1)),
        ("max(1, 3, 2)", json!(3)),
        ("min(createArray(4, 3))", json!(3)),
        ("range(-1, 3)", json!([-1, 0, 1])),
        ("range(5, 0)", json!([])),
        (
            "shallowMerge(createArray(createObject('a', 1), createObject('A', 2)))",
            json!({"a": 2}),
        ),
        ("skip('abc', 1)", json!("bc")),
        ("take(createArray(1, 2), 9)", json!([1, 2])),
        ("take(createArray(1, 2), -1)", json!([])),
        ("tryGet(parameters('p'), 'LIST', 1)", json!(2)),
        ("tryGet(parameters('p'), 'none', 'x')", Value::Null),
        ("tryGet(parameters('p'), 'list', 9)", Value::Null),
        ("indexFromEnd(createArray(1, 2, 3), 1)", json!(3)),
        ("tryIndexFromEnd(createArray(1), 2)", Value::Null),
        ("distinct(createArray(1, 2, 1))", json!([1, 2])),
        (
            "union(createArray(1, 2), createArray(2, 3))",
            json!([1, 2, 3]),
        ),
        (
            "union(json('{\"a\":{\"x\":1,\"l\":[1]},\"n\":1}'), json('{\"A\":{\"y\":2,\"l\":[2]},\"n\":null}'))",
            json!({"a": {"x": 1, "y": 2, "l": [2]}, "n": null}),
        ),
    ]);
    refuses(&[
        (
            "concat('a', createArray())",
            "Either all or none of the parameters must be an array",
        ),
        (
            "concat('a', parameters('p'))",
            "The provided value is of type 'Object'",
        ),
        ("union(createArray(), createObject())", "to be an object"),
        ("createObject('a', 1, 'A', 2)", "the key 'A' is there twice"),
        ("createObject('a')", "an even number of arguments"),
        ("indexFromEnd(createArray(1), 2)", "out of bounds"),
        ("range(0, 10001)", "is not valid"),
        ("range(2147483647, 1)", "is not valid"),
        ("json('{')", "is not valid JSON"),
        ("flatten(createArray(1))", "an array of arrays"),
    ]);
}

#[test]
fn values_are_reached_without_case() {
    gives(&[
        ("parameters('p').name", json!("x")),
        ("parameters('p')['NAME']", json!("x")),
        ("parameters('p').list[1]", json!(2)),
        ("contoso.f(1, 'a')", json!([1, "a"])),
    ]);
    refuses(&[
        (
            "parameters('p').nam",
            "The language expression property 'nam' doesn't exist, available properties are 'Name, list'.",
        ),
        (
            "parameters('p').list[2]",
            "array index '2' is out of bounds",
        ),
        ("parameters('p')[0]", "property name must be a string"),
        ("parameters('p').list.x", "can't be evaluated"),
        ("null().x", "the value is of type 'Null'"),
    ]);
}

#[test]
fn choice_leaves_the_other_branch_alone() {
    gives(&[
        ("if(false(), fail('no'), 1)", json!(1)),
        ("if(true(), 1, json('{'))", json!(1)),
        ("and(false(), fail('no'))", json!(false)),
        ("or(true(), fail('no'))", json!(true)),
        ("coalesce(null(), 2, fail('no'))", json!(2)),
        ("coalesce(null())", Value::Null),
        ("bool('TRUE')", json!(true)),
        ("bool(0)", json!(false)),
        ("not(true())", json!(false)),
        ("equals(1, '1')", json!(false)),
        ("equals('a', 'A')", json!(false)),
        (
            "equals(createArray(1, createObject('a', 1)), json('[1,{\"a\":1}]'))",
            json!(true),
        ),
        ("greater('A', 'a')", json!(true)),
        ("less('A', 'b')", json!(true)),
        ("greaterOrEquals(2, 2)", json!(true)),
        ("lessOrEquals(3, 2)", json!(false)),
    ]);
    refuses(&[
        ("if(1, 1, 2)", "expects a boolean"),
        ("if(true(), reference('x'), 1)", "unknown until deployed"),
        ("fail('stop here')", "stop here"),
        (
            "bool('yes')",
            "'bool' was invoked with a parameter that is not valid",
        ),
        ("less(1, 'a')", "to be an integer"),
    ]);
}

#[test]
fn integers() {
    gives(&[
        ("add(1, -2)", json!(-1)),
        ("div(-7, 2)", json!(-3)),
        ("mod(-7, 2)", json!(-1)),
        ("mul(4, 5)", json!(20)),
        ("sub(4, 5)", json!(-1)),
        ("int('42')", json!(42)),
        ("int(4.9)", json!(4)),
        ("float('1.5')", json!(1.5)),
        ("copyIndex(1)", json!(4)),
        ("copyIndex('loop', 2)", json!(5)),
    ]);
    refuses(&[
        ("add('1', 2)", "to be an integer"),
        ("div(1, 0)", "divide by zero"),
        (
            "mul(9223372036854775807, 2)",
            "The template language function 'mul' overflowed with the operants '9223372036854775807' and '2'.",
        ),
        ("div(-9223372036854775808, -1)", "overflowed"),
        (
            "int('asdf')",
            "'int' cannot convert provided value 'asdf' to integer value",
        ),
        ("max(createArray())", "the array is empty"),
    ]);
}

#[test]
fn strings() {
    gives(&[
        ("base64('one')", json!("b25l")),
        ("base64ToString('b25l')", json!("one")),
        ("base64ToJson(base64('{\"a\":1}')).a", json!(1)),
        (
            "dataUri('Hello')",
            json!("data:text/plain;charset=utf-8;base64,SGVsbG8="),
        ),
        ("dataUriToString('data:;base64,SGVsbG8=')", json!("Hello")),
        ("dataUriToString('data:,a%20b')", json!("a b")),
        ("startsWith('abc', 'AB')", json!(true)),
        ("endsWith('abc', 'BC')", json!(true)),
        ("padLeft('1', 3, '0')", json!("001")),
        ("padLeft(12, 1)", json!("12")),
        ("replace('aAa', 'a', 'b')", json!("bAb")),
        (
            "split('a,b;c', createArray(',', ';'))",
            json!(["a", "b", "c"]),
        ),
        ("split('a--b', '--')", json!(["a", "b"])),
        ("split('', ',')", json!([""])),
        ("string(true())", json!("True")),
        ("string(createArray(1, 'a'))", json!("[1,\"a\"]")),
        ("substring('abc', 1)", json!("bc")),
        ("substring('abc', 0, 2)", json!("ab")),
        ("toLower('ABC')", json!("abc")),
        ("trim('  a ')", json!("a")),
        (
            "uri('http://contoso.org/firstpath/a.json', 'myscript.sh')",
            json!("http://contoso.org/firstpath/myscript.sh"),
        ),
        (
            "uri('http://contoso.org/a/b/', '../c?d')",
            json!("http://contoso.org/a/c?d"),
        ),
        (
            "uri('http://contoso.org', 'x')",
            json!("http://contoso.org/x"),
        ),
        (
            "uri('http://contoso.org/a', '/x')",
            json!("http://contoso.org/x"),
        ),
        (
            "uri('http://contoso.org/a', 'https://o/x')",
            json!("https://o/x"),
        ),
        ("uriComponent('a b/é')", json!("a%20b%2F%C3%A9")),
        ("uriComponentToString('a%20b%2F%C3%A9')", json!("a b/é")),
        ("like('Hello World', 'h*o*d')", json!(true)),
        ("like('Hello', 'h*x')", json!(false)),
        ("like('a', 'a*a')", json!(false)),
        ("newGuid()", json!("00000000-0000-0000-0000-000000000000")),
    ]);
    refuses(&[
        (
            "substring('abc', 2, 2)",
            "must refer to a location within the string",
        ),
        ("substring('abc', -1)", "non-negative"),
        ("base64ToString('%')", "not a valid base64"),
        (
            "uri('nowhere', 'x')",
            "'uri' expects its first argument to be a uri string",
        ),
        ("padLeft('a', 2000000000)", "out of range"),
        (
            "toLower(1)",
            "to be a string. The provided value is of type 'Integer'",
        ),
    ]);
}

#[test]
fn composite_formats() {
    gives(&[
        ("format('{0}-{1}', 'a', 1)", json!("a-1")),
        ("format('{{{0}}}', 1)", json!("{1}")),
        ("format('[{0,4}|{0,-4}]', 'ab')", json!("[  ab|ab  ]")),
        ("format('{0:D3}', -7)", json!("-007")),
        ("format('{0,6:x}', 255)", json!("    ff")),
        ("format('{0:X4}', 255)", json!("00FF")),
        ("format('{0:N0}', 1234567)", json!("1,234,567")),
        ("format('{0:N}', 1234)", json!("1,234.00")),
        ("format('{0:F1}', 5)", json!("5.0")),
        ("format('{0:000}', 5)", json!("005")),
        ("format('{0:D3}', 'text')", json!("text")),
        (
            "format('{0} {1} {2}', true(), null(), createArray(true(), 2893, 'abc'))",
            json!("True  [true,2893,'abc']"),
        ),
        (
            "format('{0}', createObject('a', 'b', '!c', 2))",
            json!("{'!c':2,'a':'b'}"),
        ),
    ]);
    refuses(&[
        (
            "format('{1}', 1)",
            "Unable to evaluate language function 'format': the format is invalid",
        ),
        ("format('{0', 1)", "no closing one"),
        ("format('}', 1)", "no opening one"),
        ("format('{0:P}', 1)", "the specifier `P` is not supported"),
        ("format('{0,2000000000}', 1)", "out of range"),
    ]);
}

#[test]
fn prefixes() {
    gives(&[
        (
            "parseCidr('10.144.3.7/24')",
            json!({"network": "10.144.3.0", "netmask": "255.255.255.0", "broadcast": "10.144.3.255",
                   "firstUsable": "10.144.3.1", "lastUsable": "10.144.3.254", "cidr": 24}),
        ),
        (
            "parseCidr('10.0.0.1/32')",
            json!({"network": "10.0.0.1", "netmask": "255.255.255.255", "broadcast": "10.0.0.1",
                   "firstUsable": "10.0.0.1", "lastUsable": "10.0.0.1", "cidr": 32}),
        ),
        ("parseCidr('fd00::/64').firstUsable", json!("fd00::")),
        ("cidrSubnet('10.144.0.0/20', 24, 0)", json!("10.144.0.0/24")),
        (
            "cidrSubnet('10.144.0.0/20', 24, 15)",
            json!("10.144.15.0/24"),
        ),
        ("cidrSubnet('::/0', 128, 1)", json!("::1/128")),
        ("cidrHost('10.144.3.0/24', 0)", json!("10.144.3.1")),
        ("cidrHost('10.144.3.0/24', 3)", json!("10.144.3.4")),
        ("cidrHost('fd00::/64', 0)", json!("fd00::1")),
    ]);
    refuses(&[
        ("parseCidr('10.0.0.0')", "not a valid CIDR"),
        ("cidrSubnet('10.144.0.0/20', 24, 16)", "out of range"),
        ("cidrSubnet('10.144.0.0/20', 16, 0)", "must be 20 to 32"),
        ("cidrHost('10.144.3.0/30', 2)", "out of range"),
        ("cidrHost('10.144.3.0/30', -1)", "out of range"),
    ]);
}

#[test]
fn dates() {
    gives(&[
        (
            "dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')",
            json!("2023-04-07T14:53:14Z"),
        ),
        (
            "dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')",
            json!("2020-03-29T14:53:14Z"),
        ),
        (
            "dateTimeAdd('2020-04-07T14:53:14', 'PT1H', 'yyyy/M/d h:mm tt')",
            json!("2020/4/7 3:53 PM"),
        ),
        (
            "dateTimeFromEpoch(1683040573)",
            json!("2023-05-02T15:16:13Z"),
        ),
        (
            "dateTimeToEpoch('2023-05-02T15:16:13Z')",
            json!(1_683_040_573),
        ),
        (
            "dateTimeToEpoch(dateTimeAdd(utcNow(), 'PT0S'))",
            json!(1_600_000_000),
        ),
        ("utcNow()", json!("20200913T122640Z")),
        ("utcNow('dddd dd MMM yy')", json!("Sunday 13 Sep 20")),
        ("utcNow('o')", json!("2020-09-13T12:26:40.0000000Z")),
    ]);
    refuses(&[
        (
            "dateTimeAdd('2020-04-07', 'x')",
            "is not a valid ISO8601 Duration string",
        ),
        ("dateTimeAdd('x', 'P1D')", "is not a date and time"),
        ("dateTimeFromEpoch(9223372036854775807)", "out of range"),
        ("utcNow('gg')", "`gg` is not supported"),
    ]);
}

#[test]
fn lambdas() {
    gives(&[
        (
            "map(createArray(1, 2), lambda('x', add(lambdaVariables('x'), 10)))",
            json!([11, 12]),
        ),
        (
            "map(createArray('a'), lambda('x', 'i', format('{0}{1}', lambdaVariables('x'), lambdaVariables('i'))))",
            json!(["a0"]),
        ),
        (
            "filter(range(0, 5), lambda('x', greater(lambdaVariables('x'), 2)))",
            json!([3, 4]),
        ),
        (
            "reduce(createArray(1, 2, 3), 0, lambda('s', 'x', add(lambdaVariables('s'), lambdaVariables('x'))))",
            json!(6),
        ),
        (
            "sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))",
            json!([1, 2, 3]),
        ),
        (
            "toObject(createArray('a', 'b'), lambda('x', lambdaVariables('x')), lambda('x', 1))",
            json!({"a": 1, "b": 1}),
        ),
        (
            "groupBy(createArray('a', 'b', 'a'), lambda('x', lambdaVariables('x')))",
            json!({"a": ["a", "a"], "b": ["b"]}),
        ),
        (
            "mapValues(createObject('a', 1), lambda('v', add(lambdaVariables('v'), 1)))",
            json!({"a": 2}),
        ),
        // An inner lambda sees the outer one's variables.
        (
            "map(createArray(1), lambda('x', map(createArray(2), lambda('y', add(lambdaVariables('x'), lambdaVariables('y'))))))",
            json!([[3]]),
        ),
    ]);
    refuses(&[
        ("map(createArray(1), 'x')", "expects a lambda function"),
        ("map(createArray(1), lambda('x'))", "it has 0 variables"),
        (
            "filter(createArray(1), lambda('x', 1))",
            "a lambda that gives a boolean",
        ),
        (
            "lambdaVariables('x')",
            "The lambda variable 'x' is not found",
        ),
        ("lambda('x', 1)", "not expected at this location"),
        (
            "toObject(createArray(1), lambda('x', lambdaVariables('x')))",
            "a lambda that gives a string",
        ),
    ]);
}

#[test]
fn resource_ids() {
    gives(&[
        (
            "resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')",
            json!(
                "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
            ),
        ),
        (
            "resourceId('other', 'Microsoft.ContainerInstance/containerGroups/', 'g')",
            json!(
                "/subscriptions/sub/resourceGroups/other/providers/Microsoft.ContainerInstance/containerGroups/g"
            ),
        ),
        (
            "resourceId('s2', 'g2', 'A.B/c', 'd')",
            json!("/subscriptions/s2/resourceGroups/g2/providers/A.B/c/d"),
        ),
        (
            "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
            json!("/subscriptions/sub/providers/Microsoft.Authorization/roleDefinitions/r"),
        ),
        (
            "tenantResourceId('A.B/c', 'd')",
            json!("/providers/A.B/c/d"),
        ),
        (
            "extensionResourceId('/x', 'A.B/c', 'd')",
            json!("/x/providers/A.B/c/d"),
        ),
        (
            "resourceGroup().id",
            json!("/subscriptions/sub/resourceGroups/rg"),
        ),
        ("resourceGroup().location", json!("westeurope")),
        ("subscription().tenantId", json!("ten")),
        ("tenant().tenantId", json!("ten")),
        ("environment().suffixes.storage", json!("core.windows.net")),
        ("deployment().name", json!("dep")),
    ]);
    let id = value("resourceId('Microsoft.Network/virtualNetworks', 'v')").unwrap();
    assert!(ResourceId::parse(id.as_str().unwrap()).is_ok());
    refuses(&[
        (
            "resourceId('Microsoft.Network/virtualNetworks/subnets', 'v')",
            "the type 'Microsoft.Network/virtualNetworks/subnets' requires '2' resource name argument(s).",
        ),
        ("resourceId('a', 'b')", "no parameter contains a '/'"),
    ]);
}

#[test]
fn calls_are_refused_by_name_and_number() {
    refuses(&[
        ("unknown()", "The template function 'unknown' is not valid."),
        (
            "pickZones('a', 'b', 'c')",
            "The template function 'pickZones' is not supported by this version.",
        ),
        (
            "add(1)",
            "Unable to evaluate template language function 'add': function requires 2 argument(s) while 1 were provided.",
        ),
        (
            "listKeys('x')",
            "function requires 2 to 3 argument(s) while 1 were provided",
        ),
        ("listKeys('x', '1')", "unknown until deployed"),
    ]);
}

#[test]
fn a_loop_cannot_exhaust_memory_or_stack() {
    let grown = |start: &str, step: &str| {
        format!("reduce(range(0, 1000), {start}, lambda('s', 'i', {step}))")
    };
    let s = "lambdaVariables('s')";
    for text in [
        grown("'xx'", &format!("concat({s}, {s})")),
        grown("createArray(1)", &format!("concat({s}, {s})")),
        grown("1", &format!("createArray({s}, {s})")),
        grown("1", &format!("createArray({s})")),
    ] {
        refuses(&[(&text, "made a value that is larger than")]);
    }
    let deep = format!("{}1{}", "array(".repeat(99), ")".repeat(99));
    assert_eq!(value(&deep), Ok(json!([1])));
}

proptest::proptest! {
    #[test]
    fn no_expression_breaks_the_evaluator(text in calls()) {
        // The value does not matter: it is enough that there is one, or a fault.
        let _ = value(&text);
        let tree = parse(&text).unwrap();
        proptest::prop_assert_eq!(parse(&tree.to_string()), Ok(tree));
    }
}

/// Texts that are mostly well-formed: calls of every function with values of every type.
fn calls() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let mut names = super::FUNCTIONS
        .values()
        .map(|f| f.name)
        .collect::<Vec<_>>();
    names.sort_unstable();
    let leaf = prop_oneof![
        Just("'a'".to_owned()),
        Just("''".to_owned()),
        Just("'10.0.0.0/8'".to_owned()),
        Just("'{0,3:D2}é'".to_owned()),
        Just("'2020-01-01'".to_owned()),
        Just("createArray(1, 'b', null())".to_owned()),
        Just("parameters('p')".to_owned()),
        Just("lambda('x', lambdaVariables('x'))".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        (-3_i64..40).prop_map(|number| number.to_string()),
        Just("1.5".to_owned()),
        Just("true()".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let step = prop_oneof![Just(""), Just(".a"), Just("[0]"), Just("['name']")];
        (
            proptest::sample::select(names.clone()),
            proptest::collection::vec(inner, 0..4),
            step,
        )
            .prop_map(|(name, arguments, step)| format!("{name}({}){step}", arguments.join(", ")))
    })
}
