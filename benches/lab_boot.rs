//! How long a lab of N container groups takes to its first reply, against the least that N
//! namespaces can take: `unshare` and a veth each, with nothing configured.
//!
//! The two are run in turn, each in a process of its own, and compared by their medians. The bound
//! is 1.3 times the floor plus 10 ms; beyond it the program ends with an error.
#![allow(missing_docs, clippy::print_stdout)]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: a lab needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::io;
    use std::net::{Ipv4Addr, SocketAddrV4};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::process::{Command, ExitCode};
    use std::time::{Duration, Instant};

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use vnetlab::arm::{Resource, ResourceId, ResourceKey};
    use vnetlab::emulator::fabric::{Endpoint, EndpointId, Fabric, NetworkState};
    use vnetlab::lab::Lab;

    const ROUNDS: usize = 9;

    pub(super) fn main() -> ExitCode {
        let arguments = std::env::args().collect::<Vec<_>>();
        if let [_, kind, count] = arguments.as_slice()
            && let Ok(count) = count.parse()
        {
            let took = match kind.as_str() {
                "lab" => lab(count),
                _ => floor(count).expect("namespaces can be made"),
            };
            println!("{}", took.as_micros());
            return ExitCode::SUCCESS;
        }
        if let Err(error) = Lab::start() {
            println!("skipped: {error}");
            return ExitCode::SUCCESS;
        }
        let mut within = true;
        println!("     N   floor ms     lab ms   ratio   bound ms");
        for count in [10, 100, 500] {
            let (mut floors, mut labs) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                floors.push(measure("floor", count));
                labs.push(measure("lab", count));
            }
            let (floor, lab) = (median(floors), median(labs));
            let bound = 1.3 * floor + 10.0;
            within &= lab <= bound;
            let ratio = lab / floor;
            println!("{count:>6} {floor:>10.1} {lab:>10.1} {ratio:>7.2} {bound:>10.1}");
        }
        if within {
            ExitCode::SUCCESS
        } else {
            println!("over the bound");
            ExitCode::FAILURE
        }
    }

    /// Milliseconds that a process of its own says it took.
    fn measure(kind: &str, count: usize) -> f64 {
        let program = std::env::current_exe().expect("the program's path");
        let output = Command::new(program)
            .args([kind, &count.to_string()])
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let micros: f64 = text.trim().parse().unwrap_or_else(|_| {
            panic!(
                "{kind} {count}: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        micros / 1000.0
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    fn lab(count: usize) -> Duration {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (state, first, last) = state(count);
        let begun = Instant::now();
        let took = runtime.block_on(async {
            let lab = Lab::start().expect("a lab");
            lab.apply(&state).await.expect("a network");
            let listener = lab.listen(&last.0, 80).await.expect("a listener");
            let to = SocketAddrV4::new(last.1, 80);
            let limit = Duration::from_secs(10);
            let (served, called) = tokio::join!(
                async {
                    let (mut stream, _) = listener.accept().await?;
                    stream.write_all(b"x").await
                },
                async {
                    let call = lab.dial(&first, to, limit, None).await;
                    let mut connection = call.expect("a connection");
                    connection.stream.read_u8().await
                }
            );
            served.and(called).expect("a reply");
            begun.elapsed()
        });
        runtime.shutdown_background();
        took
    }

    fn address(place: usize) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(10, 1, 0, 4).to_bits() + place as u32)
    }

    fn state(count: usize) -> (NetworkState, EndpointId, (EndpointId, Ipv4Addr)) {
        let key = ResourceKey::new("Microsoft.Network/virtualNetworks", "vnet");
        let body = json!({ "properties": {
            "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] },
            "subnets": [{ "name": "a", "properties": { "addressPrefix": "10.1.0.0/20" } }],
        }});
        let vnet = Resource {
            id: ResourceId::in_group("s", "g", &key),
            resource_type: key.resource_type.clone(),
            name: key.name.clone(),
            api_version: String::new(),
            depends_on: Vec::new(),
            body: body.as_object().cloned().expect("an object"),
        };
        let name = |place: usize| EndpointId(format!("group{place}"));
        let endpoint = |place: usize| Endpoint::ContainerGroup {
            group: vnet.id.clone(),
            subnet: vnet.id.child("subnets", "a"),
            address: address(place),
        };
        let endpoints = (0..count)
            .map(|place| (name(place), endpoint(place)))
            .collect::<BTreeMap<_, _>>();
        let last = (name(count - 1), address(count - 1));
        let state = NetworkState {
            resources: vec![vnet],
            endpoints,
        };
        (state, name(0), last)
    }

    fn check(result: i32) -> io::Result<i32> {
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(result)
        }
    }

    /// Makes `count` namespaces, and a veth into each.
    fn floor(count: usize) -> io::Result<Duration> {
        let begun = Instant::now();
        let own = libc::CLONE_NEWUSER | libc::CLONE_NEWNET;
        // SAFETY: no pointers are passed; the process has one thread. Where user namespaces are not
        // allowed, its own capabilities must do.
        unsafe { check(libc::unshare(own)).or_else(|_| check(libc::unshare(libc::CLONE_NEWNET)))? };
        let fabric = File::open("/proc/self/ns/net")?;
        let mut namespaces = Vec::with_capacity(count);
        for _ in 0..count {
            // SAFETY: as above.
            unsafe { check(libc::unshare(libc::CLONE_NEWNET))? };
            namespaces.push(File::open("/proc/self/ns/net")?);
        }
        // SAFETY: the descriptors are open, and the new socket is owned by nobody else.
        let socket = unsafe {
            check(libc::setns(fabric.as_raw_fd(), libc::CLONE_NEWNET))?;
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
            OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, 0))?)
        };
        for namespace in &namespaces {
            add_veth(&socket, namespace)?;
        }
        Ok(begun.elapsed())
    }

    fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
        let len = (data.len() + 4) as u16;
        let mut bytes = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), data].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn add_veth(socket: &OwnedFd, namespace: &File) -> io::Result<()> {
        const REQUEST_ACK_EXCLUSIVE_CREATE: u16 = 0x605;
        let descriptor = namespace.as_raw_fd().to_ne_bytes();
        let peer = [vec![0; 16], attribute(libc::IFLA_NET_NS_FD, &descriptor)].concat();
        let info = [attribute(1, b"veth"), attribute(2, &attribute(1, &peer))].concat();
        let body = [vec![0; 16], attribute(libc::IFLA_LINKINFO, &info)].concat();
        let header = [
            &(body.len() as u32 + 16).to_ne_bytes()[..],
            &libc::RTM_NEWLINK.to_ne_bytes(),
            &REQUEST_ACK_EXCLUSIVE_CREATE.to_ne_bytes(),
            &[0; 8],
        ]
        .concat();
        let message = [header, body].concat();
        let mut answer = [0u8; 1024];
        // SAFETY: both buffers outlive the calls and their lengths are given.
        let received = unsafe {
            check(libc::send(
                socket.as_raw_fd(),
                message.as_ptr().cast(),
                message.len(),
                0,
            ) as i32)?;
            check(libc::recv(
                socket.as_raw_fd(),
                answer.as_mut_ptr().cast(),
                answer.len(),
                0,
            ) as i32)?
        };
        let code = answer[..received as usize]
            .get(16..20)
            .and_then(|bytes| bytes.try_into().ok());
        match code.map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(code) => Err(io::Error::from_raw_os_error(-code)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
