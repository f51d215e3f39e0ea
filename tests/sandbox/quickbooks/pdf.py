"""An invoice as a small PDF, written by hand: one page, one font, a few lines."""

from tests.sandbox.company import Entity

PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
    b" /Resources << /Font << /F1 5 0 R >> >> >>"
)


def invoice_pdf(invoice: Entity, company_name: str) -> bytes:
    """A valid PDF 1.4 that names the invoice, its customer, its amounts and its due date."""
    number = invoice.get("DocNumber") or f"#{invoice['Id']}"
    currency = invoice.get("CurrencyRef", {}).get("value", "")
    lines = [
        company_name,
        f"Invoice {number}",
        f"Bill to: {invoice['CustomerRef'].get('name', '')}",
        f"Date: {invoice['TxnDate']}",
        f"Due: {invoice.get('DueDate', 'on receipt')}",
        f"Total: {currency} {invoice['TotalAmt']:,.2f}",
        f"Balance due: {currency} {invoice['Balance']:,.2f}",
    ]
    return _document(_page_text(lines))


def _page_text(lines: list[str]) -> bytes:
    shown = b"".join(b"(" + _escaped(line) + b") Tj T*\n" for line in lines)
    return b"BT\n/F1 14 Tf\n22 TL\n72 760 Td\n" + shown + b"ET\n"


def _escaped(text: str) -> bytes:
    latin = text.encode("cp1252", "replace")
    return latin.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _document(content: bytes) -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE,
        b"<< /Length %d >>\nstream\n" % len(content) + content + b"endstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    return bytes(out + _trailer(offsets, len(out)))


def _trailer(offsets: list[int], start: int) -> bytes:
    size = len(offsets) + 1
    rows = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    return (
        b"xref\n0 %d\n" % size
        + rows
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    )
