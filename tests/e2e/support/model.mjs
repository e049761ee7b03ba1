// A model of reliable connections: who is in which group, what each was sent under
// which sequence id, what it has acknowledged, and which ack ids are remembered
// (client-protocols.md, sections 8 and 13). It knows nothing of sockets.

// Only a literal role counts: "webpubsub.sendToGroup.NAME", or one for all groups.
const allows = (roles, action, group) => roles.some((role) =>
  role === `webpubsub.${action}` || role === `webpubsub.${action}.${group}`);

const failed = (id, name, message) =>
  ({ ack: id, success: false, error: { name, message } });

class Conn {
  groups = new Set();
  sent = []; // place n: the message with sequence id n + 1
  acked = 0;
  acks = []; // remembered ids, oldest first
  forgotten = []; // ids that were remembered once
  failed = []; // ids of requests that have failed
  gone = null; // or the code with which the server closes it

  constructor(limits, userId, roles) {
    Object.assign(this, { limits, userId, roles });
  }

  get open() {
    return this.sent.length - this.acked;
  }

  // How many more fit before the connection is closed.
  get room() {
    return this.limits.messages - this.open;
  }

  acknowledge(sequenceId) {
    this.acked = Math.max(this.acked, Math.min(sequenceId, this.sent.length));
  }

  remember(id) {
    this.acks.push(id);
    if (this.acks.length > this.limits.ackIds)
      this.forgotten.push(this.acks.shift());
    this.failed = this.failed.filter((other) => other !== id);
    this.forgotten = this.forgotten.filter((other) => other !== id);
  }

  end(code) {
    this.gone = code;
    this.groups.clear();
  }
}

export class Model {
  conns = new Set(); // that are not gone
  tally = new Map(); // what happened how often

  constructor(limits) {
    this.limits = limits;
  }

  count(what) {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }

  open(userId, roles) {
    const conn = new Conn(this.limits, userId, roles);
    this.conns.add(conn);
    return conn;
  }

  end(conn, code) {
    conn.end(code);
    this.conns.delete(conn);
  }

  // One message more than the buffer holds ends the connection.
  #deliver(conn, message) {
    if (conn.room > 0) {
      conn.sent.push(message);
      return;
    }
    this.count('overflow');
    this.end(conn, 1008);
  }

  #deliverTo(isReceiver, message) {
    for (const conn of [...this.conns])
      if (isReceiver(conn)) this.#deliver(conn, message);
  }

  sendToGroup(group, text, { from = null, except } = {}) {
    this.#deliverTo((conn) => conn !== except && conn.groups.has(group),
      { from: 'group', group, fromUserId: from, text });
  }

  sendToUser(userId, text) {
    this.#deliverTo((conn) => conn.userId === userId, { from: 'server', text });
  }

  sendToConnection(receiver, text) {
    this.#deliverTo((conn) => conn === receiver, { from: 'server', text });
  }

  #operations = {
    join: ['joinLeaveGroup', 'join', (conn, { group }) => conn.groups.add(group)],
    leave: ['joinLeaveGroup', 'leave',
      (conn, { group }) => conn.groups.delete(group)],
    send: ['sendToGroup', 'send to', (conn, { group, text, noEcho }) =>
      this.sendToGroup(group, text,
        { from: conn.userId, except: noEcho ? conn : undefined })],
  };

  // Runs a request; what the client hears of it, or undefined for nothing.
  request(conn, request) {
    if (request.kind === 'ping') return { pong: true };
    if (request.kind === 'sequenceAck') {
      conn.acknowledge(request.sequenceId);
      return undefined;
    }
    const { ackId: id } = request;
    if (id !== undefined && conn.acks.includes(id)) {
      this.count('Duplicate');
      return failed(id, 'Duplicate', `Message with ack-id: ${id} has been processed`);
    }
    const error = this.#run(conn, request);
    if (id === undefined) return undefined;
    return error ? this.#fail(conn, id, error) : this.#succeed(conn, id);
  }

  #fail(conn, id, [name, message]) {
    this.count(name);
    conn.failed.push(id);
    return failed(id, name, message);
  }

  #succeed(conn, id) {
    if (conn.failed.includes(id)) this.count('success of what had failed');
    if (conn.forgotten.includes(id)) this.count('success of a forgotten id');
    conn.remember(id);
    return { ack: id, success: true };
  }

  // Nobody handles events.
  #run(conn, request) {
    if (request.kind === 'event')
      return ['InternalServerError', 'Internal server error'];
    const [action, verb, run] = this.#operations[request.kind];
    if (!allows(conn.roles, action, request.group))
      return ['Forbidden', `no permission to ${verb} group '${request.group}'`];
    run(conn, request);
    return undefined;
  }
}
