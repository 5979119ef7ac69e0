use super::*;

#[test]
fn what_is_written_reads_back() {
    let mut batch = Batch::default();
    batch.message("first", 7, CREATE, &[1, 2, 3, 4], |attributes| {
        attributes.text(3, "eth0").nest(18, |inner| {
            inner.be16(1, 0x0102);
        });
    });
    batch.message("second", 8, 0, &[], |_| {});
    assert_eq!(batch.acknowledge(), 1);
    let received = messages(&batch.bytes).collect::<Vec<_>>();
    assert_eq!(
        received
            .iter()
            .map(|message| (message.kind, message.sequence))
            .collect::<Vec<_>>(),
        [(7, 0), (8, 1)]
    );
    let outer = attributes(&received[0].data[4..]).collect::<Vec<_>>();
    assert_eq!(outer[0], (3, &b"eth0\0"[..]));
    assert_eq!(
        attributes(outer[1].1).collect::<Vec<_>>(),
        [(1, &[1u8, 2][..])]
    );
}

#[test]
fn cut_off_input_ends_the_reading() {
    for bytes in [&[][..], &[3, 0, 0, 0], &[255; 20], &[0; 16]] {
        assert_eq!(messages(bytes).count(), 0, "{bytes:?}");
    }
    assert_eq!(attributes(&[200, 0, 1, 0]).count(), 0);
}
