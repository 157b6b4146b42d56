"""cm_ctl: what it prints and how it ends, by its source (src/cm_ctl of the cluster manager's repository)."""

import getopt
import os
import sys
import time

from . import config, gsctl, pair
from .server import Failed, Server

SHORT = "n:D:t:b:m:NCvdipfa"
VERBS = ("view", "query", "switchover", "start", "build")
REFUSED, LATE = 255, 253
# It sleeps when the roles have changed, in units of its looks: one a second.
SETTLED = 5
END = gsctl.End


def say(text):
    gsctl.show(f"cm_ctl: {text}\n")


def refuse(text, code=REFUSED):
    say(text)
    raise END(code)


class Cm:
    """One call, for any node of the pair: the manager reaches both."""

    def __init__(self, conf, options):
        self.conf, self.options = conf, options
        self.limit = int(options.get("-t", "120"))

    def view(self):
        number = self.conf.cm.node
        gsctl.show(f"NodeHeader:\nversion:301\ntime:1681781914\nnodeCount:2\nnode:{number}\n{'=' * 60}\n")
        gsctl.show(f"azName:AZ1\nazPriority:1\nnode :{number}\nnodeName:node{number}\nssh channel :\n")

    def query(self):
        roles = {self.conf.cm.node: self.role(self.conf.ha.own[0]), 3 - self.conf.cm.node: self.role(self.conf.ha.peer)}
        gsctl.show("[  Datanode State   ]\n\n")
        gsctl.show(" | ".join(f"{node}  node{node} 600{node} {role[0] if role else '-'} {role or 'Down'} Normal"
                              for node, role in sorted(roles.items())) + "\n")

    @staticmethod
    def role(where):
        try:
            return pair.ask(where, do="hello")["role"]
        except Failed:
            return None

    def where(self):
        """The node that -n and -D name."""
        if os.path.normpath(self.options.get("-D", "")) != os.path.normpath(self.conf.node.data_dir):
            refuse(f"can't find the node_id:{self.options.get('-n')}, data_path:{self.options.get('-D')}.")
        return self.conf.ha.own[0] if int(self.options.get("-n", "0")) == self.conf.cm.node else self.conf.ha.peer

    def switchover(self):
        where = self.where()
        if self.role(where) != "Standby":
            refuse('can not do switchover at current role.You can execute "cm_ctl query -v" and check')
        try:
            pair.ask(where, do="switchover")
        except Failed:
            refuse("can not do switchover, another command(1) is running.")
        self.until(lambda: self.role(where) == "Primary", "switchover")
        say("switchover successfully.")

    def start(self):
        where = self.where()
        if self.role(where) is None:
            pair.ask(where, 600, do="start", mode="Standby")
        say("start instance successfully.")

    def build(self):
        where = self.where()
        if self.role(where) == "Primary":
            refuse("can not build at current role.")
        if self.role(where):
            pair.ask(where, 600, do="stop", mode="fast")
        pair.ask(where, 3600, do="build", mode=self.options.get("-b", "incremental"))
        pair.ask(where, 600, do="start", mode="Standby")
        say("build successfully.")

    def until(self, is_so, what):
        end = time.monotonic() + self.limit
        while not is_so():
            gsctl.show(".")
            time.sleep(self.conf.faults.poll)
            if time.monotonic() >= end:
                refuse(f"{what} command timeout!\n\nHINT: Maybe the {what} action is continually running in the background.", LATE)
        time.sleep(SETTLED * self.conf.faults.poll)


def watch():
    """cm_agent and cm_server in one, for the node here: nobody is asked before a standby that is left alone becomes primary,
    and what is down is started as a standby."""
    alone = 0
    while True:
        conf = config.load()
        time.sleep(conf.faults.poll)
        own, peer = Cm.role(conf.ha.own[0]), Cm.role(conf.ha.peer)
        alone = alone + 1 if own == "Standby" and peer is None else 0
        try:
            if alone > 5:
                pair.ask(conf.ha.own[0], do="failover")
                alone = 0
            elif own is None and peer == "Primary" and not Server(conf).alive():
                pair.ask(conf.ha.own[0], 3600, do="build", mode="incremental")
                pair.ask(conf.ha.own[0], 600, do="start", mode="Standby")
        except Failed:
            pass  # something else is under way


def main():
    gsctl.needs_its_libraries("cm_ctl")
    conf = config.load()
    try:
        if os.geteuid() == 0:
            print("current user is the root user (uid = 0), exit.")
            return 1
        given, words = getopt.gnu_getopt(sys.argv[1:], SHORT)
        if not conf.cm.node:
            refuse("Failed to get cm base data path from static config file.")
        if len(words) != 1 or words[0] not in VERBS:
            refuse(f"unrecognized operation mode {words}", 1)
        getattr(Cm(conf, dict(given)), words[0])()
        return 0
    except (getopt.GetoptError, Failed) as error:
        say(error)
        return 1
    except END as end:
        return end.code
