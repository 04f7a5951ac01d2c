"""Firewalls of others, to live beside: rules as ufw loads them, and nftables tables of anybody's.

    enable_ufw(place)        INPUT and FORWARD drop, with ufw's usual rules before; disable_ufw
    add_tables(place)        nftables tables with sets, maps and chains at our hooks
    tables(place)            those tables as text
    iptables_rules(place)    what iptables-save and ip6tables-save list, without counters
"""

# What /etc/ufw/before.rules, before6.rules and user.rules hold on Debian, without the log rules.
UFW = {
    "iptables-restore": """
*filter
:ufw-before-input - [0:0]
:ufw-before-output - [0:0]
:ufw-before-forward - [0:0]
:ufw-not-local - [0:0]
:ufw-user-input - [0:0]
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-output -o lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp --icmp-type destination-unreachable -j ACCEPT
-A ufw-before-input -p icmp --icmp-type time-exceeded -j ACCEPT
-A ufw-before-input -p icmp --icmp-type parameter-problem -j ACCEPT
-A ufw-before-input -p icmp --icmp-type echo-request -j ACCEPT
-A ufw-before-forward -p icmp --icmp-type destination-unreachable -j ACCEPT
-A ufw-before-forward -p icmp --icmp-type time-exceeded -j ACCEPT
-A ufw-before-forward -p icmp --icmp-type parameter-problem -j ACCEPT
-A ufw-before-forward -p icmp --icmp-type echo-request -j ACCEPT
-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -j DROP
-A ufw-before-input -p udp -d 224.0.0.251 --dport 5353 -j ACCEPT
-A ufw-before-input -p udp -d 239.255.255.250 --dport 1900 -j ACCEPT
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
-A INPUT -j ufw-before-input
-A INPUT -j ufw-user-input
-A OUTPUT -j ufw-before-output
-A FORWARD -j ufw-before-forward
-P INPUT DROP
-P FORWARD DROP
COMMIT
""",
    "ip6tables-restore": """
*filter
:ufw6-before-input - [0:0]
:ufw6-before-output - [0:0]
:ufw6-before-forward - [0:0]
:ufw6-user-input - [0:0]
-A ufw6-before-input -i lo -j ACCEPT
-A ufw6-before-output -o lo -j ACCEPT
-A ufw6-before-input -m rt --rt-type 0 -j DROP
-A ufw6-before-forward -m rt --rt-type 0 -j DROP
-A ufw6-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw6-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw6-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type echo-reply -j ACCEPT
-A ufw6-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw6-before-input -p icmpv6 --icmpv6-type destination-unreachable -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type packet-too-big -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type time-exceeded -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type parameter-problem -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type echo-request -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type router-solicitation -m hl --hl-eq 255 -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type router-advertisement -m hl --hl-eq 255 -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type neighbor-solicitation -m hl --hl-eq 255 -j ACCEPT
-A ufw6-before-input -p icmpv6 --icmpv6-type neighbor-advertisement -m hl --hl-eq 255 -j ACCEPT
-A ufw6-before-input -s fe80::/10 -p icmpv6 --icmpv6-type 143 -j ACCEPT
-A ufw6-before-forward -p icmpv6 --icmpv6-type destination-unreachable -j ACCEPT
-A ufw6-before-forward -p icmpv6 --icmpv6-type packet-too-big -j ACCEPT
-A ufw6-before-forward -p icmpv6 --icmpv6-type time-exceeded -j ACCEPT
-A ufw6-before-forward -p icmpv6 --icmpv6-type parameter-problem -j ACCEPT
-A ufw6-before-forward -p icmpv6 --icmpv6-type echo-request -j ACCEPT
-A ufw6-before-forward -p icmpv6 --icmpv6-type echo-reply -j ACCEPT
-A ufw6-before-input -p udp -s fe80::/10 --sport 547 -d fe80::/10 --dport 546 -j ACCEPT
-A ufw6-before-input -p udp -d ff02::fb --dport 5353 -j ACCEPT
-A ufw6-user-input -p tcp --dport 22 -j ACCEPT
-A INPUT -j ufw6-before-input
-A INPUT -j ufw6-user-input
-A OUTPUT -j ufw6-before-output
-A FORWARD -j ufw6-before-forward
-P INPUT DROP
-P FORWARD DROP
COMMIT
""",
}

TABLES = """
table inet monitoring {
  comment "somebody else's"
  set seen { type ipv4_addr . inet_service; flags interval; elements = { 203.0.113.0/24 . 80-90 } }
  set names { type ifname; elements = { "db-nothing", "eth7" } }
  map ports { type inet_service : verdict; elements = { 81 : accept, 82 : drop } }
  chain watch {
    type filter hook forward priority filter; policy accept;
    ip saddr . tcp dport @seen drop
    iifname @names drop
    tcp dport vmap @ports
  }
}
table ip drawbridge {
  chain input {
    type filter hook input priority 5; policy accept;
    tcp dport 9 drop
  }
}
table bridge others {
  set macs { type ether_addr; elements = { 02:11:22:33:44:55 } }
  chain forward {
    type filter hook forward priority 10; policy accept;
    ether saddr @macs drop
  }
}
table netdev spare {
  set ports { type inet_service; elements = { 1, 2, 3 } }
}
"""
NAMES = ("inet monitoring", "ip drawbridge", "bridge others", "netdev spare")


def enable_ufw(place):
    for program, rules in UFW.items():
        place.run(program, "--noflush", input=rules)


def disable_ufw(place):
    for program, prefix in (("iptables", "ufw"), ("ip6tables", "ufw6")):
        for hook in ("INPUT", "OUTPUT", "FORWARD"):
            place.run(program, "-P", hook, "ACCEPT")
            place.run(program, "-D", hook, "-j", f"{prefix}-before-{hook.lower()}")
        place.run(program, "-D", "INPUT", "-j", f"{prefix}-user-input")


def add_tables(place):
    place.run("nft", "-f", "-", input=TABLES)


def tables(place):
    return [place.run("nft", "-s", "list", "table", *name.split()).stdout for name in NAMES]


def iptables_rules(place):
    """Every line, in order. What iptables cannot list it says in a comment: those are kept."""
    text = "".join(place.run(program).stdout for program in ("iptables-save", "ip6tables-save"))
    assert "incompatible" not in text, text
    lines = [line.split(" [")[0] for line in text.splitlines()]
    return [line for line in lines if not line.startswith(("# Generated", "# Completed"))]
