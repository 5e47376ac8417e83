//! What is said where TLS is spoken to a port that knows none.

use std::sync::Arc;

use holdfast_core::{
    account::ProviderKind,
    provider::{Connect, HttpConnect},
    vault::Credentials,
};
use holdfast_testkit::{ManualClock, SeededEntropy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::account_at;

#[tokio::test]
async fn a_port_without_tls_is_named_as_such_with_how_its_address_begins() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 64];
            if stream.read(&mut hello).await.is_ok() {
                drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await);
            }
        }
    });
    let connect = HttpConnect::new(Arc::new(SeededEntropy::new(1)), Arc::new(ManualClock::default()));
    let provider = connect.connect(&account_at(ProviderKind::Kubo, &endpoint), Credentials::None).unwrap();
    let error = provider.test().await.unwrap_err().to_string();
    assert!(error.contains("speaks no TLS") && error.contains("begins with http://"), "{error}");
}
