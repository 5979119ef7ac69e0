use super::*;
use super::doc::*;
#[test]
fn try_it() {
    let path = std::env::var("F").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let s = Source::new("x", text);
    match format(&s) {
        Ok(t) => { std::fs::write("/tmp/out.yaml", &t).unwrap(); let s2 = Source::new("x", t.clone()); assert_eq!(format(&s2).unwrap(), t); 
          match lengthen(&s) { Ok(l) => std::fs::write("/tmp/long.yaml", &l).unwrap(), Err(e)=>panic!("{e:?}") } }
        Err(FormatError::Findings(f)) => panic!("{}", crate::spec::render(&f, &s, false)),
        Err(e) => panic!("{e}"),
    }
}
