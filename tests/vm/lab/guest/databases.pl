#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Writes numbered rows to one of the databases of databases.sh, one after the other:
#
#   databases.pl KIND CLIENT FILE    until it is killed; FILE (on tmpfs) has the last number that the
#                                    server has acknowledged
#   databases.pl KIND CLIENT         prints how many rows of that client there are
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;
use IPC::Open2;
use MIME::Base64;

my ($kind, $client, $file) = @ARGV;

# A program that answers a statement with lines, the last of them "done".
sub talk_to {
    my ($mark, @command) = @_;
    my $pid = open2(my $out, my $in, @command);
    $in->autoflush(1);
    return sub {
        print $in "$_[0];\n$mark\n";
        my @lines;
        while (my $line = <$out>) {
            chomp $line;
            return @lines if $line eq 'done';
            push @lines, $line;
        }
        die "@command has ended: @lines\n";
    };
}

sub redis {
    my $socket = IO::Socket::UNIX->new('/run/lab/redis.sock') or die "redis: $!\n";
    return sub {
        print $socket '*' . @_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @_;
        $socket->flush;
        my $answer = <$socket> // die "redis has ended\n";
        $answer =~ s/\r\n//;
        die "redis: $answer\n" if $answer =~ /^-/;
        return substr $answer, 1;
    };
}

sub etcd {
    my ($path, $body) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 2379) or die "etcd: $!\n";
    print $socket "POST $path HTTP/1.0\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    $socket->flush;
    my $answer = join '', <$socket>;
    die "etcd: $answer\n" unless $answer =~ m{^HTTP/1\.\d 200 };
    return $answer;
}

sub base64 { return encode_base64($_[0], '') }

my (%write, %count);
my @mariadb = ("SELECT 'done';", qw(mariadb --no-defaults --socket=/run/lab/mysqld.sock --user=root
    --batch --skip-column-names --unbuffered));
for my $table (qw(inno my)) {
    my $ask;
    $write{$table} = sub {
        $ask //= talk_to(@mariadb);
        $ask->("INSERT INTO test.$table VALUES ('$client', $_[0], REPEAT('x', 200))");
    };
    $count{$table} = sub {
        my @said = talk_to(@mariadb)->("CHECK TABLE test.$table");
        die "@said\n" unless "@said" eq "test.$table\tcheck\tstatus\tOK";
        return talk_to(@mariadb)->("SELECT COUNT(*) FROM test.$table WHERE client = '$client'");
    };
}
{
    my $ask;
    my @sqlite = ('.print done', 'sqlite3', '-batch', '-bail', '-cmd', '.timeout 30000', '/srv/pgwal/lab.db');
    $write{sqlite} = sub {
        $ask //= talk_to(@sqlite);
        $ask->("INSERT INTO test VALUES ('$client', $_[0], printf('%200d', 1))");
    };
    $count{sqlite} = sub {
        my @said = talk_to(@sqlite)->('PRAGMA integrity_check');
        die "@said\n" unless "@said" eq 'ok';
        return talk_to(@sqlite)->("SELECT COUNT(*) FROM test WHERE client = '$client'");
    };
}
{
    my $ask;
    $write{redis} = sub { ($ask //= redis())->('RPUSH', $client, $_[0]) };
    $count{redis} = sub { redis()->('LLEN', $client) };
}
$write{etcd} = sub {
    my $key = base64("$client-$_[0]");
    etcd('/v3/kv/put', qq({"key": "$key", "value": "$key"}));
};
$count{etcd} = sub {
    my ($from, $to) = (base64("$client-"), base64("$client."));
    my $answer = etcd('/v3/kv/range', qq({"key": "$from", "range_end": "$to", "count_only": true}));
    return $answer =~ /"count":"(\d+)"/ ? $1 : 0;
};

if (defined $file) {
    open my $acknowledged, '+>', $file or die "$file: $!\n";
    for (my $number = 1;; ++$number) {
        $write{$kind}->($number);
        seek $acknowledged, 0, 0;
        syswrite $acknowledged, sprintf "%08d\n", $number;
        # Ten of these keep an emulated processor busy enough.
        select undef, undef, undef, 0.05;
    }
}
print $count{$kind}->(), "\n";
