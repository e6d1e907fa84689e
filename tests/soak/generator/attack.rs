//! An attack that AN1252 finds: a program from the Downloads folder connects to
//! an odd port, loads the PowerShell engine, and has Windows list trusts.

use super::{
    Counts,
    device::{Device, Running},
    line::{Clock, Line, Part},
};

/// How far it is.
#[derive(Debug, Default)]
pub struct Attack {
    stage: u32,
    dropped: Option<Running>,
    child: Option<Running>,
}

impl Attack {
    /// How many events it has; before the one at `ENGINE` there is no finding.
    pub const EVENTS: u32 = 7;
    /// The load that completes the chain.
    pub const ENGINE: u32 = 3;

    /// Writes its next event; whether it was the last one.
    pub fn write_next(
        &mut self,
        device: &mut Device,
        clock: &Clock,
        counts: &mut Counts,
        body: &mut Vec<u8>,
    ) -> bool {
        let shell = device.shell;
        let dropped = *self.dropped.get_or_insert_with(|| device.start(clock));
        match self.stage {
            0 => {
                counts.launches += 1;
                image(device.sysmon("1", clock, body), &dropped)
                    .text("CommandLine", r"viewer.exe /open")
                    .text("CurrentDirectory", r"C:\\Users\\jsmith\\Downloads\\")
                    .text("User", r"CORP\\jsmith")
                    .text("IntegrityLevel", "Medium")
                    .guid("ParentProcessGuid", &shell.guid)
                    .number("ParentProcessId", shell.pid)
                    .text("ParentImage", r"C:\\Windows\\explorer.exe")
                    .text("ParentCommandLine", r"C:\\Windows\\Explorer.EXE")
                    .end();
            }
            1 => image(device.sysmon("3", clock, body), &dropped)
                .text("User", r"CORP\\jsmith")
                .text("Protocol", "tcp")
                .text("Initiated", "true")
                .text("SourceIp", "10.20.4.17")
                .text("SourcePort", "51822")
                .text("DestinationIp", "203.0.113.80")
                .text("DestinationHostname", "-")
                .text("DestinationPort", "8443")
                .end(),
            2 => load(
                image(device.sysmon("7", clock, body), &dropped),
                r"C:\\Windows\\System32\\mscoree.dll",
                "true",
            ),
            Self::ENGINE => load(
                image(device.sysmon("7", clock, body), &dropped),
                r"C:\\Windows\\assembly\\NativeImages_v4.0.30319_64\\System.Manaa57fc8cc#\\5c9b7d1f0e6a4c2a8d3b6f1e9a7c4d20\\System.Management.Automation.ni.dll",
                "false",
            ),
            4 => {
                counts.launches += 1;
                let child = device.start(clock);
                self.child = Some(child);
                let line = device
                    .sysmon("1", clock, body)
                    .guid("ProcessGuid", &child.guid)
                    .number("ProcessId", child.pid)
                    .text("Image", NLTEST)
                    .text("OriginalFileName", "nltestrk.exe")
                    .text("CommandLine", "nltest /domain_trusts")
                    .text("CurrentDirectory", r"C:\\Windows\\System32\\")
                    .text("User", r"CORP\\jsmith")
                    .text("IntegrityLevel", "Medium")
                    .guid("ParentProcessGuid", &dropped.guid)
                    .number("ParentProcessId", dropped.pid);
                path(line, "ParentImage", &dropped)
                    .text("ParentCommandLine", r"viewer.exe /open")
                    .end();
            }
            5 => {
                if let Some(child) = self.child {
                    device
                        .sysmon("5", clock, body)
                        .guid("ProcessGuid", &child.guid)
                        .number("ProcessId", child.pid)
                        .text("Image", NLTEST)
                        .end();
                }
            }
            _ => image(device.sysmon("5", clock, body), &dropped).end(),
        }
        self.stage += 1;
        self.stage >= Self::EVENTS
    }
}

const NLTEST: &str = r"C:\\Windows\\System32\\nltest.exe";

/// The dropped program, under a name that only this attack has.
fn image<'a>(line: Line<'a>, dropped: &Running) -> Line<'a> {
    let line = line
        .guid("ProcessGuid", &dropped.guid)
        .number("ProcessId", dropped.pid);
    path(line, "Image", dropped)
}

fn path<'a>(line: Line<'a>, key: &str, dropped: &Running) -> Line<'a> {
    line.joined(
        key,
        &[
            Part::Text(r"C:\\Users\\jsmith\\Downloads\\viewer_"),
            Part::Number(dropped.pid),
            Part::Text(".exe"),
        ],
    )
}

fn load(line: Line<'_>, module: &str, signed: &str) {
    line.text("ImageLoaded", module)
        .text("Signed", signed)
        .text("Signature", "-")
        .text("SignatureStatus", "Unavailable")
        .text(
            "Hashes",
            "SHA256=cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        )
        .end();
}
