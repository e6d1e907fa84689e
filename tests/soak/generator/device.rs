//! A device: what runs on it, and what happens next.

use super::{
    Counts, Plan,
    attack::Attack,
    guid::{Guid, guid},
    line::{Clock, Line, Part},
    random::Random,
};

/// How many programs run at once, besides those that always do.
const RUNNING: usize = 24;

/// What people and services start: image, command line, signer's name.
const PROGRAMS: [(&str, &str); 8] = [
    (
        r"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        r#"\"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe\" --type=renderer --lang=en-US"#,
    ),
    (
        r"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE",
        r#"\"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE\" /n \"C:\\Users\\jsmith\\Documents\\minutes.docx\""#,
    ),
    (
        r"C:\\Windows\\System32\\SearchProtocolHost.exe",
        r#"\"C:\\Windows\\system32\\SearchProtocolHost.exe\" Global\\UsGthrFltPipeMssGthrPipe_S-1-5-21"#,
    ),
    (
        r"C:\\Windows\\System32\\backgroundTaskHost.exe",
        r#"\"C:\\Windows\\system32\\backgroundTaskHost.exe\" -ServerName:App.AppXmtcan0h2tfbfy7k9kn8hbxb6dmzz1zh0.mca"#,
    ),
    (
        r"C:\\Windows\\System32\\svchost.exe",
        r"C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s wuauserv",
    ),
    (
        r"C:\\Windows\\System32\\taskhostw.exe",
        r"taskhostw.exe KEYROAMING",
    ),
    (
        r"C:\\Windows\\System32\\notepad.exe",
        r#"\"C:\\Windows\\system32\\NOTEPAD.EXE\" C:\\Users\\jsmith\\Desktop\\list.txt"#,
    ),
    (
        r"C:\\Program Files\\Backup Agent\\agent.exe",
        r#"\"C:\\Program Files\\Backup Agent\\agent.exe\" --incremental"#,
    ),
];

/// The one that carries serial numbers.
const AGENT: usize = 7;

const MODULES: [&str; 4] = [
    r"C:\\Windows\\System32\\ntdll.dll",
    r"C:\\Windows\\System32\\kernel32.dll",
    r"C:\\Windows\\System32\\bcrypt.dll",
    r"C:\\Windows\\System32\\ws2_32.dll",
];

/// A process.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    pub guid: Guid,
    pub pid: u64,
    program: usize,
}

/// A device.
#[derive(Debug)]
pub struct Device {
    pub host: String,
    machine: u32,
    record: u64,
    started: u64,
    /// The user's shell, which is there before the recording.
    pub shell: Running,
    running: Vec<Running>,
    attack: Option<Attack>,
}

impl Device {
    pub fn new(series: &str, number: u32, start: i64, random: &mut Random) -> Self {
        let machine = random.number() as u32;
        let boot = u32::try_from(start / 1_000 - 7_200).unwrap_or(0);
        Self {
            host: format!("{series}-{number:04}.corp.example"),
            machine,
            record: 1_000,
            started: 0,
            shell: Running {
                guid: guid(machine, boot, 0x400),
                pid: 4_980,
                program: 0,
            },
            running: Vec::new(),
            attack: None,
        }
    }

    /// Whether an attack begins; there is one at a time.
    pub fn begin_attack(&mut self) -> bool {
        if self.attack.is_some() {
            return false;
        }
        self.attack = Some(Attack::default());
        true
    }

    pub fn write_event(
        &mut self,
        clock: &Clock,
        random: &mut Random,
        plan: &Plan,
        counts: &mut Counts,
        body: &mut Vec<u8>,
    ) {
        if let Some(mut attack) = self.attack.take_if(|_| random.below(4) == 0) {
            let is_over = attack.write_next(self, clock, counts, body);
            self.attack = (!is_over).then_some(attack);
            return;
        }
        let launches = if self.running.len() < RUNNING { 16 } else { 8 };
        match random.below(100) {
            roll if self.running.is_empty() || roll < launches => {
                let program = random.below(PROGRAMS.len() as u64) as usize;
                self.launch(program, clock, plan, counts, body);
            }
            roll if roll < 2 * launches.min(12) || self.running.len() > RUNNING => {
                self.terminate(clock, body);
            }
            roll if roll < 45 => self.connect(clock, random, body),
            roll if roll < 65 => self.create_file(clock, random, body),
            roll if roll < 82 => self.set_value(clock, random, body),
            _ => self.load(clock, random, body),
        }
    }

    /// A launch with a serial number.
    pub fn write_serial(
        &mut self,
        clock: &Clock,
        plan: &Plan,
        counts: &mut Counts,
        body: &mut Vec<u8>,
    ) {
        let plan = Plan {
            serial_every: 1,
            ..plan.clone()
        };
        self.launch(AGENT, clock, &plan, counts, body);
        if self.running.len() > RUNNING {
            self.running.remove(0);
        }
    }

    /// The next event of Sysmon on this device.
    pub fn sysmon<'a>(&mut self, event: &str, clock: &Clock, body: &'a mut Vec<u8>) -> Line<'a> {
        self.record += 1;
        Line::sysmon(body, event, &self.host, self.record, clock)
    }

    /// A process that starts now.
    pub fn start(&mut self, clock: &Clock) -> Running {
        self.started += 1;
        Running {
            guid: guid(self.machine, clock.seconds(), 0x1_0000 + self.started),
            pid: 5_000 + self.started * 4 % 60_000,
            program: 0,
        }
    }

    fn launch(
        &mut self,
        program: usize,
        clock: &Clock,
        plan: &Plan,
        counts: &mut Counts,
        body: &mut Vec<u8>,
    ) {
        counts.launches += 1;
        let is_due = plan.serial_every > 0 && counts.launches.is_multiple_of(plan.serial_every);
        let program = if is_due { AGENT } else { program };
        let Some((image, command)) = PROGRAMS.get(program) else {
            return;
        };
        let started = Running {
            program,
            ..self.start(clock)
        };
        let shell = self.shell;
        let line = self
            .sysmon("1", clock, body)
            .guid("ProcessGuid", &started.guid)
            .number("ProcessId", started.pid)
            .text("Image", image);
        let line = if is_due {
            counts.serials += 1;
            line.joined(
                "CommandLine",
                &[
                    Part::Text(command),
                    Part::Text(" --serial="),
                    Part::Text(&plan.series),
                    Part::Text("-"),
                    Part::Number(counts.serials),
                ],
            )
        } else {
            line.text("CommandLine", command)
        };
        line.text("CurrentDirectory", r"C:\\Windows\\System32\\")
            .text("User", r"CORP\\jsmith")
            .text("IntegrityLevel", "Medium")
            .text(
                "Hashes",
                "SHA256=abababababababababababababababababababababababababababababababab",
            )
            .guid("ParentProcessGuid", &shell.guid)
            .number("ParentProcessId", shell.pid)
            .text("ParentImage", r"C:\\Windows\\explorer.exe")
            .text("ParentCommandLine", r"C:\\Windows\\Explorer.EXE")
            .end();
        self.running.push(started);
    }

    /// The oldest one ends.
    fn terminate(&mut self, clock: &Clock, body: &mut Vec<u8>) {
        let ended = self.running.remove(0);
        self.about("5", &ended, clock, body).end();
    }

    fn connect(&mut self, clock: &Clock, random: &mut Random, body: &mut Vec<u8>) {
        let process = self.any(random);
        let (port, last) = (50_000 + random.below(10_000), random.below(250));
        self.about("3", &process, clock, body)
            .text("User", r"CORP\\jsmith")
            .text("Protocol", "tcp")
            .text("Initiated", "true")
            .text("SourceIp", "10.20.4.17")
            .number("SourcePort", port)
            .joined(
                "DestinationIp",
                &[Part::Text("198.51.100."), Part::Number(last)],
            )
            .text("DestinationHostname", "-")
            .text("DestinationPort", "443")
            .end();
    }

    fn create_file(&mut self, clock: &Clock, random: &mut Random, body: &mut Vec<u8>) {
        let process = self.any(random);
        let number = random.below(1_000_000);
        self.about("11", &process, clock, body)
            .joined(
                "TargetFilename",
                &[
                    Part::Text(r"C:\\Users\\jsmith\\AppData\\Local\\Temp\\cache_"),
                    Part::Number(number),
                    Part::Text(".tmp"),
                ],
            )
            .end();
    }

    fn set_value(&mut self, clock: &Clock, random: &mut Random, body: &mut Vec<u8>) {
        let process = self.any(random);
        let number = random.below(200);
        self.about("13", &process, clock, body)
            .text("EventType", "SetValue")
            .joined(
                "TargetObject",
                &[
                    Part::Text(r"HKU\\S-1-5-21-1\\Software\\Vendor\\Recent\\Item"),
                    Part::Number(number),
                ],
            )
            .text("Details", "DWORD (0x00000001)")
            .end();
    }

    fn load(&mut self, clock: &Clock, random: &mut Random, body: &mut Vec<u8>) {
        let process = self.any(random);
        let module = random.below(MODULES.len() as u64) as usize;
        self.about("7", &process, clock, body)
            .text(
                "ImageLoaded",
                MODULES.get(module).copied().unwrap_or_default(),
            )
            .text("Signed", "true")
            .text("Signature", "Microsoft Windows")
            .text("SignatureStatus", "Valid")
            .text(
                "Hashes",
                "SHA256=cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
            )
            .end();
    }

    /// An event by a process.
    fn about<'a>(
        &mut self,
        event: &str,
        process: &Running,
        clock: &Clock,
        body: &'a mut Vec<u8>,
    ) -> Line<'a> {
        let image = PROGRAMS.get(process.program).map_or("", |(image, _)| image);
        self.sysmon(event, clock, body)
            .guid("ProcessGuid", &process.guid)
            .number("ProcessId", process.pid)
            .text("Image", image)
    }

    fn any(&self, random: &mut Random) -> Running {
        let number = random.below(self.running.len() as u64) as usize;
        self.running.get(number).copied().unwrap_or(self.shell)
    }
}
