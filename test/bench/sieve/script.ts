/** A script of forty rules as people have them, of which the last one files the benchmark's mail. */

const LISTS = 12;
const SENDERS = 12;
const SUBJECTS = 10;

export function fortyRules(): string {
  const rules: string[] = [];
  for (let n = 0; n < LISTS; n += 1) {
    rules.push(`header :contains ["List-Id", "List-Post"] "list${n}.lists.test" { fileinto "Lists"; stop; }`);
  }
  for (let n = 0; n < SENDERS; n += 1) {
    rules.push(`address :domain :is ["From", "Sender"] "shop${n}.test" { fileinto "Shops"; stop; }`);
  }
  for (let n = 0; n < SUBJECTS; n += 1) {
    rules.push(
      `header :matches "Subject" "*[ticket-${n}]*" { addflag "$Ticket"; fileinto "Tickets"; stop; }`,
    );
  }
  rules.push(
    'allof (exists "X-Spam-Flag", header :is "X-Spam-Flag" "YES") { fileinto "Junk"; stop; }',
    'anyof (size :over 20M, header :contains "Content-Type" "application/x-dosexec") { discard; stop; }',
    'header :value "gt" :comparator "i;ascii-numeric" "X-Priority" "4" { fileinto "Later"; stop; }',
    'envelope :detail :is "to" "work" { fileinto "Work"; stop; }',
    'not address :all :contains ["To", "Cc"] "@" { fileinto "Bulk"; stop; }',
  );
  rules.push('header :contains "Subject" "Number" { fileinto :create "Filed"; stop; }');
  const lines = rules.map((rule) => `if ${rule}`);
  return (
    'require ["fileinto", "imap4flags", "envelope", "subaddress", "relational", "mailbox", "comparator-i;ascii-numeric"];\r\n' +
    `${lines.join("\r\n")}\r\n`
  );
}
