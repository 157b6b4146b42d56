//! What help says of key sets and of signatures.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    (
        "Key sets: which keys count, and how many of them must sign; needs no daemon",
        "密钥集：哪些公钥有效、其中多少个必须签名；不需要守护进程",
    ),
    (
        "Make a key set, the first one or the one after another, without signatures",
        "制作密钥集（第一个，或接在另一个之后的），不含签名",
    ),
    ("the next one", "轮换后的下一个"),
    ("Add your signature to a key set", "为密钥集加上你的签名"),
    ("The secret key of who signs", "签名者的私钥"),
    (
        "What a key set says, who signed it, and what is missing until it may be installed",
        "密钥集的内容、谁已签名、还缺什么才能安装",
    ),
    ("on a node", "在节点上"),
    (
        "The key set that it shall follow, whose keys must have signed it, too",
        "它要接续的密钥集，其中的密钥也必须为它签名",
    ),
    (
        "Put a key set in force on this node, if the one here vouches for it. Several, in order, where some were left out",
        "让密钥集在本节点生效，前提是现有的密钥集为它担保。中间有遗漏时，按顺序给出多个",
    ),
    (
        "The folder of trusted keys; default: as the configuration says",
        "可信公钥的目录；默认：按配置文件",
    ),
    (
        "The sidecar's folder, where it is remembered",
        "sidecar 的目录，会记录在那里",
    ),
    (
        "The product that it is for: cluster.name of its pairs; default: that of the set before",
        "所属产品：节点对的 cluster.name；默认：与前一个密钥集相同",
    ),
    (
        "The key set that it shall follow: one higher, with its keys and threshold where nothing else is said",
        "它要接续的密钥集：编号加一，未另行指定时沿用其公钥和签名门限",
    ),
    (
        "A public key to take in, under the name of its file; again for each",
        "要加入的公钥，以文件名为名；每个公钥各写一次",
    ),
    (
        "A key of the set before to leave out, by its name: it is revoked; again for each",
        "要从前一个密钥集中去掉的公钥，按名字指定：即吊销；每个公钥各写一次",
    ),
    (
        "How many different keys must sign",
        "必须有多少个不同的密钥签名",
    ),
    (
        "From when nothing is installed that it vouches for: a day, or a moment as 2028-01-01T00:00:00Z",
        "从何时起不再安装由它担保的内容：日期，或时刻，如 2028-01-01T00:00:00Z",
    ),
    (
        "The folder for PRODUCT-NUMBER.keys",
        "存放 PRODUCT-NUMBER.keys 的目录",
    ),
    // Of bundles.
    ("on a node that runs 2.3.0", "在运行 2.3.0 的节点上"),
    (
        "Key sets to go with it, for nodes that have the one before them; again for each, in order",
        "随升级包附带的密钥集，供还在用前一个的节点使用；按顺序每个各写一次",
    ),
    (
        "Add another person's signature to a bundle that is built; nothing else of it changes",
        "为已制作好的升级包再加上一个人的签名；其余内容不变",
    ),
    (
        "The sidecar's folder, where it remembers what was installed",
        "sidecar 的目录，其中记录了安装过什么",
    ),
];
