#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# shell.pl PORT: runs commands that come through a virtio port, side by side.
# (Perl, because it is in every Debian system without further packages.)
#
#   request:  ID LIMIT HEX    ID a number, LIMIT in seconds, HEX the shell command
#   reply:    ID STATUS HEX   STATUS the exit status (128 + signal; 124: LIMIT passed),
#                             HEX what it printed on both outputs
#
# The lab's end of the port is connected for as long as QEMU runs, so an end of file is the end.
use strict;
use warnings;
use Fcntl;
use POSIX qw(:sys_wait_h setsid);

sysopen(my $port, $ARGV[0], O_RDWR) or die "$ARGV[0]: $!";
pipe(my $child_ended, my $tell_child_ended) or die "pipe: $!";
set_nonblocking($_) for $child_ended, $tell_child_ended;
$SIG{CHLD} = sub { syswrite($tell_child_ended, 'x') };

my %jobs;    # by pid: id, out (reading end), text, deadline, expired
my $input = '';

while (1) {
    my ($ready, $bits) = ('', '');
    vec($ready, fileno($_), 1) = 1 for $port, $child_ended, map { $_->{out} } values %jobs;
    my ($next) = sort { $a <=> $b } map { $_->{deadline} } grep { !$_->{expired} } values %jobs;
    my $wait = defined $next ? $next - time : undef;
    $wait = 0 if defined $wait && $wait < 0;
    select($bits = $ready, undef, undef, $wait);
    take_output($_) for values %jobs;
    drain($child_ended);
    reap();
    expire();
    next unless vec($bits, fileno($port), 1);
    my $count = sysread($port, $input, 65536, length $input);
    exit 0 if defined $count && $count == 0;
    while ($input =~ s/^([^\n]*)\n//) {
        start($1);
    }
}

sub start {
    my ($line) = @_;
    my ($id, $limit, $hex) = split / /, $line;
    pipe(my $out, my $in) or die "pipe: $!";
    my $pid = fork();
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        setsid();
        $SIG{CHLD} = 'DEFAULT';
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>&', $in);
        open(STDERR, '>&', $in);
        exec('/bin/bash', '-c', pack('H*', $hex)) or POSIX::_exit(127);
    }
    close($in);
    set_nonblocking($out);
    $jobs{$pid} = { id => $id, out => $out, text => '', deadline => time + $limit, expired => 0 };
}

sub take_output {
    my ($job) = @_;
    return unless $job->{out};
    while (sysread($job->{out}, my $chunk, 65536)) {
        $job->{text} .= $chunk;
    }
}

sub reap {
    while ((my $pid = waitpid(-1, WNOHANG)) > 0) {
        my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
        my $job = delete $jobs{$pid} or next;
        take_output($job);
        close($job->{out});
        reply($job, $job->{expired} ? 124 : $status);
    }
}

# A process that waits on a frozen file system ends only after the thaw, and is answered then.
sub expire {
    while (my ($pid, $job) = each %jobs) {
        next if $job->{expired} || time < $job->{deadline};
        $job->{expired} = 1;
        kill 'KILL', -$pid;
    }
}

sub reply {
    my ($job, $status) = @_;
    my $line = join(' ', $job->{id}, $status, unpack('H*', $job->{text})) . "\n";
    while (length $line) {
        my $count = syswrite($port, $line);
        die "write: $!" unless defined $count;
        substr($line, 0, $count) = '';
    }
}

sub drain {
    my ($pipe) = @_;
    1 while sysread($pipe, my $ignored, 4096);
}

sub set_nonblocking {
    my ($handle) = @_;
    fcntl($handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK) or die "fcntl: $!";
}
