# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hau_ctl_global_optspecs
    string join \n json socket= config= lang= h/help V/version
end

function __fish_hau_ctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hau_ctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hau_ctl_using_subcommand
    set -l cmd (__fish_hau_ctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -s V -l version -d 'Print version'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "init" -d 'Write hau.toml and keepalived\'s part for this host, from what is found on it; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "pair" -d 'Make both nodes trust each other: shows a code here, takes it there'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "doctor" -d 'Is this pair fit to be upgraded? Every precondition of both nodes, with remedies'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "plan" -d 'What an upgrade would do, row by row; nothing is touched'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "stage" -d 'Distribute a bundle, verify and unpack it beside the running release on both nodes'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "upgrade" -d 'Upgrade both nodes, one after the other, without a gap in service'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "status" -d 'Who holds the VIP, who is primary, what is happening, what is next'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "watch" -d 'The same, live, until q or Ctrl-C; ? shows the keys'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "switch" -d 'Move VIP and primary to the other node, with the same care and no new version'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "retry" -d 'After a halt: do the failed row again; after --stop-before: go on'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "confirm" -d 'After a halt: accept a failed health check by hand; recorded with your name'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "abort" -d 'Give the rollout up and leave things safe: what can be taken back is'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "rollback" -d 'Back to the last backup: code, configuration and root key of both nodes, one after the other without a gap in service; the database stays as it is, unless it is asked for'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "failover" -d 'The other node is gone: make this one\'s database primary'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "rejoin" -d 'The other node became primary while this one was away: follow it'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "backup" -d 'Backups of this node'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "sync" -d 'The site\'s own sync of configuration'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "notify" -d 'Who is told of events: programs, webhooks, mail, as hau.toml names them under [notify]'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "bundle" -d 'Make, look at and verify bundles; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "keys" -d 'Key sets: which keys count, and how many of them must sign; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "schema" -d 'Look at schema scripts before they run; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "history" -d 'Past rollouts, newest last'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "report" -d 'One rollout as a report: who asked, every row with its time, downtime against budget'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "audit" -d 'Who asked for what, from where and why, and what came of it: the audit trail of both nodes, or of this one if the other is away'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "health" -d 'The health report of both nodes'
complete -c hau-ctl -n "__fish_hau_ctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l keepalived -d 'keepalived\'s configuration' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l recipient -d 'Who may open the root key in a backup: a public key of age-keygen; may be given several times' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l check -d 'Only show what would be written'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand init" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand pair" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand pair" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand pair" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand pair" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand pair" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand doctor" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand doctor" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand doctor" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand doctor" -l database -d 'The database alone: what it answers, and what only a person can try'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand doctor" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand plan" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand plan" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand plan" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand plan" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand plan" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand stage" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand stage" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand stage" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand stage" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand stage" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l stop-before -d 'Wait in front of this phase; `switchover` is where the VIP moves' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l allow-known-bad -d 'Install a version that was rolled back here before; recorded with your name'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l detach -d 'Return at once; the rollout goes on, hau-ctl watch shows it'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand upgrade" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand status" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand status" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand status" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand status" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand watch" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand watch" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand watch" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand watch" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand watch" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l to -d 'The node that shall hold the VIP; default: the one that does not' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l detach -d 'Return at once; the rollout goes on, hau-ctl watch shows it'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand switch" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -l detach -d 'Return at once; the rollout goes on, hau-ctl watch shows it'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand retry" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -l reason -d 'Why this is right; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -l detach -d 'Return at once; the rollout goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand confirm" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -l detach -d 'Return at once; the rollout goes on, hau-ctl watch shows it'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand abort" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l node -d 'That node alone; it must be BACKUP' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l to -d 'A backup\'s name, or a version; default: the newest backup that both nodes have' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l database -d 'Keep the database, or put the backup\'s dump in its place: what was written since is lost, and the service is away for as long as it takes to start; it asks first. Default: as hau.toml says' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l check -d 'Only look: is the backup whole, are the keys there, what would be done; exit code 3 if not'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l local -d 'The other node is dead: this one alone, where it is. Nobody is served meanwhile; it asks first'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l accept-downtime -d 'Do not ask, where nobody is served meanwhile'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l accept-data-loss -d 'Do not ask, where what was written since the backup is lost'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l detach -d 'Return at once; the rollout goes on, hau-ctl watch shows it'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rollback" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l fenced -d 'You have made sure that the other node is off; without this the fencing command does'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l accept-data-loss -d 'Though this database may lack what the other node acknowledged last'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand failover" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -l reason -d 'Why; kept in the audit trail' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -l rebuild -d 'Copy the new primary\'s database anew instead of taking back what it never got'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand rejoin" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -f -a "create" -d 'Back up code, configuration, root key (encrypted) and database of this node'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -f -a "list" -d 'The backups of this node, oldest first'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -f -a "verify" -d 'Read every byte of a backup back and compare checksums'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -f -a "restore-key" -d 'Does the encrypted root key of a backup open, and is it the key that the manifest names? Needs the files of the backup and no daemon; the key is not written anywhere'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and not __fish_seen_subcommand_from create list verify restore-key help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -l identity -d 'The secret half of a recipient, as age-keygen writes it; - reads it from stdin' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -l check -d 'Only see that it opens; without this the key is written to stdout'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from restore-key" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "create" -d 'Back up code, configuration, root key (encrypted) and database of this node'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "list" -d 'The backups of this node, oldest first'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read every byte of a backup back and compare checksums'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "restore-key" -d 'Does the encrypted root key of a backup open, and is it the key that the manifest names? Needs the files of the backup and no daemon; the key is not written anywhere'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -f -a "status" -d 'Does it run? If not: by whom it was paused, and what has changed since'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -f -a "pause" -d 'Stop it on both nodes and keep it stopped, over reboots too'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -f -a "resume" -d 'Let it run again'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -f -a "check" -d 'Compare both nodes\' configuration; exit code 1 if it differs'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -f -a "push" -d 'Push the configuration once, from the MASTER'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and not __fish_seen_subcommand_from status pause resume check push help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from status" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from status" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from status" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from status" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from pause" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from pause" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from pause" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from pause" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from resume" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from resume" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from resume" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from resume" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from check" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from check" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from check" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from check" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from push" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from push" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from push" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from push" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "status" -d 'Does it run? If not: by whom it was paused, and what has changed since'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "pause" -d 'Stop it on both nodes and keep it stopped, over reboots too'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Let it run again'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "check" -d 'Compare both nodes\' configuration; exit code 1 if it differs'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "push" -d 'Push the configuration once, from the MASTER'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -f -a "test" -d 'Tell each of them once, on this node, that this is a test; exit code 1 if one was not told'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and not __fish_seen_subcommand_from test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from test" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from test" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from test" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from test" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from help" -f -a "test" -d 'Tell each of them once, on this node, that this is a test; exit code 1 if one was not told'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand notify; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "keygen" -d 'Make a key pair: NAME.pub for every node, NAME.key for the publisher alone'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "build" -d 'Build and sign NAME-VERSION.hau from a folder with manifest.toml and the files of a release'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "sign" -d 'Add another person\'s signature to a bundle that is built; nothing else of it changes'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "delta" -d 'Make a delta: a bundle that is NEW where OLD is installed, and holds only what differs'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "rebuild" -d 'Make the full bundle again of a delta and its base, as a node does by itself'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "inspect" -d 'What a bundle says of itself; only its signature is checked'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "verify" -d 'Would this pair take the bundle? Signature, every checksum, product, version; exit code 3 if not'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and not __fish_seen_subcommand_from keygen build sign delta rebuild inspect verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -l out -d 'The folder for both files' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -l password-stdin -d 'Read the password of the secret key from the first line of stdin'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from keygen" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l key -d 'The publisher\'s secret key' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l out -d 'The folder for the bundle' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l brings -d 'Key sets to go with it, for nodes that have the one before them; again for each, in order' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l password-stdin -d 'Read the password of the secret key from the first line of stdin'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from build" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -l key -d 'The secret key of who signs' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -l password-stdin -d 'Read the password of the secret key from the first line of stdin'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from sign" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l key -d 'The publisher\'s secret key' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l keys -d 'Trusted keys that signed OLD and NEW; default: this key' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -s o -l out -d 'Default: NAME-OLD-NEW.hau, with both versions' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l password-stdin -d 'Read the password of the secret key from the first line of stdin'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from delta" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -l keys -d 'Trusted keys; default: as the configuration says' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -l out -d 'The folder for the bundle' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from rebuild" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from inspect" -l keys -d 'Trusted keys; default: as the configuration says' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from inspect" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from inspect" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from inspect" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from inspect" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l keys -d 'Trusted keys; default: as the configuration says' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l product -d 'The product it must be for; the configuration and what is installed are not looked at' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l state -d 'The sidecar\'s folder, where it remembers what was installed' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "keygen" -d 'Make a key pair: NAME.pub for every node, NAME.key for the publisher alone'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "build" -d 'Build and sign NAME-VERSION.hau from a folder with manifest.toml and the files of a release'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "sign" -d 'Add another person\'s signature to a bundle that is built; nothing else of it changes'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "delta" -d 'Make a delta: a bundle that is NEW where OLD is installed, and holds only what differs'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "rebuild" -d 'Make the full bundle again of a delta and its base, as a node does by itself'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'What a bundle says of itself; only its signature is checked'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Would this pair take the bundle? Signature, every checksum, product, version; exit code 3 if not'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -f -a "new" -d 'Make a key set, the first one or the one after another, without signatures'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -f -a "sign" -d 'Add your signature to a key set'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -f -a "show" -d 'What a key set says, who signed it, and what is missing until it may be installed'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -f -a "install" -d 'Put a key set in force on this node, if the one here vouches for it. Several, in order, where some were left out'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and not __fish_seen_subcommand_from new sign show install help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l product -d 'The product that it is for: cluster.name of its pairs; default: that of the set before' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l after -d 'The key set that it shall follow: one higher, with its keys and threshold where nothing else is said' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l key -d 'A public key to take in, under the name of its file; again for each' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l drop -d 'A key of the set before to leave out, by its name: it is revoked; again for each' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l threshold -d 'How many different keys must sign' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l expires -d 'From when nothing is installed that it vouches for: a day, or a moment as 2028-01-01T00:00:00Z' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l out -d 'The folder for PRODUCT-NUMBER.keys' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -l key -d 'The secret key of who signs' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -l password-stdin -d 'Read the password of the secret key from the first line of stdin'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from sign" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from show" -l after -d 'The key set that it shall follow, whose keys must have signed it, too' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from show" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from show" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from show" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from show" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -l keys -d 'The folder of trusted keys; default: as the configuration says' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -l state -d 'The sidecar\'s folder, where it is remembered' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "new" -d 'Make a key set, the first one or the one after another, without signatures'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "sign" -d 'Add your signature to a key set'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "show" -d 'What a key set says, who signed it, and what is missing until it may be installed'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "install" -d 'Put a key set in force on this node, if the one here vouches for it. Several, in order, where some were left out'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -f -a "lint" -d 'Which statements break the running version, or lock a table for as long as it is big, and how it is done without that; exit code 3 if there is one'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and not __fish_seen_subcommand_from lint help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from lint" -l keys -d 'Trusted keys for bundles; default: as the configuration says' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from lint" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from lint" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from lint" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from lint" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from lint" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "lint" -d 'Which statements break the running version, or lock a table for as long as it is big, and how it is done without that; exit code 3 if there is one'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand history" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand history" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand history" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand history" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand history" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand report" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand report" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand report" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand report" -l html -d 'A whole page on stdout, which needs no other file'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand report" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand report" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l last -d 'So many entries of each node' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l since -d 'Only those since then: 2026-11-01, or 2026-11-01T08:00:00Z' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l rollout -d 'Only what concerns that rollout' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Is a copy of a trail whole, and did the other node sign it? With both nodes\' trails: do they agree? Exit code 3 if not'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Is a copy of a trail whole, and did the other node sign it? With both nodes\' trails: do they agree? Exit code 3 if not'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand health" -l socket -d 'The daemon\'s socket' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand health" -l config -d 'The configuration, for verbs that work without the daemon' -r -F
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand health" -l lang -d 'The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English' -r
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand health" -l json -d 'One JSON object instead of words; one a line where it goes on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand health" -s h -l help -d 'Print help'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "init" -d 'Write hau.toml and keepalived\'s part for this host, from what is found on it; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "pair" -d 'Make both nodes trust each other: shows a code here, takes it there'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "doctor" -d 'Is this pair fit to be upgraded? Every precondition of both nodes, with remedies'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "plan" -d 'What an upgrade would do, row by row; nothing is touched'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "stage" -d 'Distribute a bundle, verify and unpack it beside the running release on both nodes'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "upgrade" -d 'Upgrade both nodes, one after the other, without a gap in service'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "status" -d 'Who holds the VIP, who is primary, what is happening, what is next'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "watch" -d 'The same, live, until q or Ctrl-C; ? shows the keys'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "switch" -d 'Move VIP and primary to the other node, with the same care and no new version'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "retry" -d 'After a halt: do the failed row again; after --stop-before: go on'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "confirm" -d 'After a halt: accept a failed health check by hand; recorded with your name'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "abort" -d 'Give the rollout up and leave things safe: what can be taken back is'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "rollback" -d 'Back to the last backup: code, configuration and root key of both nodes, one after the other without a gap in service; the database stays as it is, unless it is asked for'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "failover" -d 'The other node is gone: make this one\'s database primary'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "rejoin" -d 'The other node became primary while this one was away: follow it'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "backup" -d 'Backups of this node'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "sync" -d 'The site\'s own sync of configuration'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "notify" -d 'Who is told of events: programs, webhooks, mail, as hau.toml names them under [notify]'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "bundle" -d 'Make, look at and verify bundles; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "keys" -d 'Key sets: which keys count, and how many of them must sign; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "schema" -d 'Look at schema scripts before they run; needs no daemon'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "history" -d 'Past rollouts, newest last'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "report" -d 'One rollout as a report: who asked, every row with its time, downtime against budget'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "audit" -d 'Who asked for what, from where and why, and what came of it: the audit trail of both nodes, or of this one if the other is away'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "health" -d 'The health report of both nodes'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and not __fish_seen_subcommand_from init pair doctor plan stage upgrade status watch switch retry confirm abort rollback failover rejoin backup sync notify bundle keys schema history report audit health help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from backup" -f -a "create" -d 'Back up code, configuration, root key (encrypted) and database of this node'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from backup" -f -a "list" -d 'The backups of this node, oldest first'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from backup" -f -a "verify" -d 'Read every byte of a backup back and compare checksums'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from backup" -f -a "restore-key" -d 'Does the encrypted root key of a backup open, and is it the key that the manifest names? Needs the files of the backup and no daemon; the key is not written anywhere'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "status" -d 'Does it run? If not: by whom it was paused, and what has changed since'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "pause" -d 'Stop it on both nodes and keep it stopped, over reboots too'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "resume" -d 'Let it run again'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "check" -d 'Compare both nodes\' configuration; exit code 1 if it differs'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "push" -d 'Push the configuration once, from the MASTER'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from notify" -f -a "test" -d 'Tell each of them once, on this node, that this is a test; exit code 1 if one was not told'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "keygen" -d 'Make a key pair: NAME.pub for every node, NAME.key for the publisher alone'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "build" -d 'Build and sign NAME-VERSION.hau from a folder with manifest.toml and the files of a release'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "sign" -d 'Add another person\'s signature to a bundle that is built; nothing else of it changes'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "delta" -d 'Make a delta: a bundle that is NEW where OLD is installed, and holds only what differs'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "rebuild" -d 'Make the full bundle again of a delta and its base, as a node does by itself'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "inspect" -d 'What a bundle says of itself; only its signature is checked'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "verify" -d 'Would this pair take the bundle? Signature, every checksum, product, version; exit code 3 if not'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "new" -d 'Make a key set, the first one or the one after another, without signatures'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "sign" -d 'Add your signature to a key set'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "show" -d 'What a key set says, who signed it, and what is missing until it may be installed'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "install" -d 'Put a key set in force on this node, if the one here vouches for it. Several, in order, where some were left out'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from schema" -f -a "lint" -d 'Which statements break the running version, or lock a table for as long as it is big, and how it is done without that; exit code 3 if there is one'
complete -c hau-ctl -n "__fish_hau_ctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Is a copy of a trail whole, and did the other node sign it? With both nodes\' trails: do they agree? Exit code 3 if not'
