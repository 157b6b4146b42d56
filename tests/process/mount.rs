//! A [`Disk`] as a file system that programs use, by FUSE. The kernel keeps nothing of it: each look at a name, an attribute
//! or a byte comes here, so that after a cut all see what has lasted.
use crate::disk::{Disk, Inode, Kind, Made, ROOT, size};
use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, SessionACL, TimeOrNow, WriteFlags,
};
use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

/// The kernel asks each time.
const TTL: Duration = Duration::ZERO;
/// Nothing is opened twice in a way that would matter.
const HANDLE: FileHandle = FileHandle(0);
const BLOCK: u32 = 4096;
const BLOCKS: u64 = 1 << 22;

/// Unmounted with the value; what still runs below it keeps it until it has ended.
pub(crate) struct Mounted {
    disk: Arc<Mutex<Disk>>,
    _session: BackgroundSession,
}

impl Mounted {
    pub(crate) fn new(at: &Path) -> Self {
        let disk = Arc::new(Mutex::new(Disk::new()));
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("lossy".to_owned()),
            MountOption::DefaultPermissions,
        ];
        config.acl = SessionACL::All;
        let layer = Layer(Arc::clone(&disk));
        let session = fuser::spawn_mount(layer, at, &config).unwrap_or_else(|e| {
            panic!("root and /dev/fuse are needed for this test: mount {at:?}: {e}")
        });
        Self {
            disk,
            _session: session,
        }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }
}

struct Layer(Arc<Mutex<Disk>>);

impl Layer {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    fn entry(&self, found: impl FnOnce(&mut Disk) -> Made<u64>, reply: ReplyEntry) {
        let mut disk = self.disk();
        let found = found(&mut disk).and_then(|ino| attributes(&disk, ino));
        match found {
            Ok(attr) => reply.entry(&TTL, &attr, Generation(0)),
            Err(e) => reply.error(e),
        }
    }
}

fn attributes(disk: &Disk, ino: u64) -> Made<FileAttr> {
    let inode = disk.inode(ino)?;
    let (kind, size) = match &inode.kind {
        Kind::File(content) => (FileType::RegularFile, content.len()),
        Kind::Dir(names) => (FileType::Directory, names.len()),
        Kind::Link(target) => (FileType::Symlink, target.len()),
    };
    let at = inode.modified;
    Ok(FileAttr {
        ino: INodeNo(ino),
        size: size as u64,
        blocks: (size as u64).div_ceil(512),
        atime: at,
        mtime: at,
        ctime: at,
        crtime: at,
        kind,
        perm: inode.mode,
        nlink: 1,
        uid: inode.uid,
        gid: inode.gid,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    })
}

fn inode(kind: Kind, request: &Request, mode: u32) -> Inode {
    Inode::new(kind, rights(mode), request.uid(), request.gid())
}

fn rights(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap()
}

fn done(made: Made<()>, reply: ReplyEmpty) {
    match made {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e),
    }
}

impl Filesystem for Layer {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(|disk| disk.find(parent.0, name), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.disk(), ino.0) {
            Ok(attr) => reply.attr(&TTL, &attr),
            Err(e) => reply.error(e),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = self.disk();
        let sized = size.map_or(Ok(()), |length| disk.resize(ino.0, length));
        let changed = sized.and_then(|()| {
            disk.change_rights(ino.0, |inode| {
                inode.mode = mode.map_or(inode.mode, rights);
                inode.uid = uid.unwrap_or(inode.uid);
                inode.gid = gid.unwrap_or(inode.gid);
                inode.modified = match modified {
                    None => inode.modified,
                    Some(TimeOrNow::Now) => SystemTime::now(),
                    Some(TimeOrNow::SpecificTime(at)) => at,
                };
            })
        });
        match changed.and_then(|()| attributes(&disk, ino.0)) {
            Ok(attr) => reply.attr(&TTL, &attr),
            Err(e) => reply.error(e),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.disk().inode(ino.0).map(|inode| &inode.kind) {
            Ok(Kind::Link(target)) => reply.data(target.as_bytes()),
            Ok(Kind::File(_) | Kind::Dir(_)) => reply.error(Errno::EINVAL),
            Err(e) => reply.error(e),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let new = inode(Kind::Dir(Default::default()), request, mode & !umask);
        self.entry(|disk| disk.make(parent.0, name, new), reply);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let new = inode(Kind::Link(target.as_os_str().to_owned()), request, 0o777);
        self.entry(|disk| disk.make(parent.0, name, new), reply);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let new = inode(Kind::File(Vec::new()), request, mode & !umask);
        let mut disk = self.disk();
        let made = disk.make(parent.0, name, new);
        match made.and_then(|ino| attributes(&disk, ino)) {
            Ok(attr) => reply.created(
                &TTL,
                &attr,
                Generation(0),
                HANDLE,
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(e) => reply.error(e),
        }
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(
            |disk| disk.link(ino.0, parent.0, name).map(|()| ino.0),
            reply,
        );
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk().remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk().remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        new: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let may_replace = flags.is_empty();
        let renamed = self
            .disk()
            .rename((parent.0, name), (to.0, new), may_replace);
        done(renamed, reply);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(HANDLE, FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk().inode(ino.0).map(|inode| &inode.kind) {
            Ok(Kind::File(content)) => {
                let from = size(offset).min(content.len());
                let to = (from + size(u64::from(length))).min(content.len());
                reply.data(&content[from..to]);
            }
            Ok(Kind::Dir(_) | Kind::Link(_)) => reply.error(Errno::EISDIR),
            Err(e) => reply.error(e),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk().write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap()),
            Err(e) => reply.error(e),
        }
    }

    /// At each close, which makes nothing lasting.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, datasync: bool, reply: ReplyEmpty) {
        done(self.disk().sync(ino.0, datasync), reply);
    }

    fn fsyncdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        done(self.disk().sync(ino.0, datasync), reply);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.disk();
        let names = match disk.names(ino.0) {
            Ok(names) => names,
            Err(e) => return reply.error(e),
        };
        // Of the folder above the kernel knows the number itself.
        let dots = [(OsStr::new("."), ino.0), (OsStr::new(".."), ROOT)];
        let all = dots
            .into_iter()
            .chain(names.iter().map(|(name, ino)| (name.as_os_str(), *ino)));
        for (n, (name, ino)) in (1..).zip(all).skip(size(offset)) {
            let kind = attributes(&disk, ino).map_or(FileType::Directory, |attr| attr.kind);
            if reply.add(INodeNo(ino), n, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, 0, 0, BLOCK, 255, BLOCK);
    }
}
