use super::Url;

#[test]
fn a_store_is_named_one_way_only() {
    assert_eq!("memory:".parse(), Ok(Url::Memory));
    assert_eq!("sqlite:a/b:c.db".parse(), Ok(Url::Sqlite("a/b:c.db".into())));
    for url in [Url::Memory, Url::usual()] {
        assert_eq!(url.to_string().parse(), Ok(url));
    }
    for wrong in
        ["", "memory", "memory:x", "sqlite:", "sqlite", "mysql:x", "confer.db", "sqlite:\0"]
    {
        let error = wrong.parse::<Url>().unwrap_err().to_string();
        assert!(error.contains("sqlite:PATH") && !error.contains('\0'), "{error}");
    }
}
