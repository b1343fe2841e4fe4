//! Arrow files: a batch a segment. Each is made as a file of its own, whose head and end are taken
//! off.

use arrow_array::RecordBatch;
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::writer::FileWriter;
use arrow_ipc::{Block, FooterBuilder, MetadataVersion, root_as_footer};
use arrow_schema::{ArrowError, SchemaRef};
use flatbuffers::FlatBufferBuilder;

use super::{Placed, Segment};

const MAGIC: &[u8; 6] = b"ARROW1";
/// The length of the footer, and the magic.
const END: usize = 4 + MAGIC.len();
/// What ends the stream inside of a file.
pub(super) const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

fn file(schema: &SchemaRef, batch: Option<&RecordBatch>) -> Result<Vec<u8>, ArrowError> {
    let mut writer = FileWriter::try_new(Vec::new(), schema)?;
    batch.map_or(Ok(()), |batch| writer.write(batch))?;
    writer.finish()?;
    writer.into_inner()
}

/// Where the footer of a whole file begins.
fn footer_at(file: &[u8]) -> usize {
    let end = file.len() - END;
    let length: [u8; 4] = file[end..end + 4].try_into().unwrap_or_default();
    end - u32::from_le_bytes(length) as usize
}

pub(super) fn head(schema: &SchemaRef) -> Result<Vec<u8>, String> {
    let mut bytes = file(schema, None).map_err(|error| error.to_string())?;
    let end = footer_at(&bytes) - END_OF_STREAM.len();
    bytes.truncate(end);
    Ok(bytes)
}

/// The magic is padded: what follows is aligned to as many bytes as the library writes it to.
pub(super) fn stream_head(schema: &SchemaRef) -> Result<Vec<u8>, String> {
    let mut bytes = head(schema)?;
    let begin = bytes.windows(4).position(|four| four == &END_OF_STREAM[..4]);
    bytes.drain(..begin.ok_or("a schema was not written")?);
    Ok(bytes)
}

/// The index is the lengths of the batch's two parts.
pub(super) fn segment(batch: &RecordBatch) -> Result<Segment, String> {
    let schema = batch.schema();
    let mut bytes = file(&schema, Some(batch)).map_err(|error| error.to_string())?;
    let end = bytes.len() - END;
    let footer = root_as_footer(&bytes[footer_at(&bytes)..end]);
    let footer = footer.map_err(|error| error.to_string())?;
    let block = footer.recordBatches().and_then(|blocks| blocks.iter().next().copied());
    let block = block.ok_or("a batch was not written")?;
    let start = usize::try_from(block.offset()).map_err(|error| error.to_string())?;
    let index = [&block.metaDataLength().to_le_bytes()[..], &block.bodyLength().to_le_bytes()];
    let index = index.concat();
    let end = footer_at(&bytes) - END_OF_STREAM.len();
    bytes.truncate(end);
    bytes.drain(..start);
    Ok(Segment { bytes, index })
}

pub(super) fn tail(schema: &SchemaRef, segments: &[Placed]) -> Result<Vec<u8>, String> {
    let blocks = segments.iter().map(block).collect::<Result<Vec<Block>, _>>()?;
    let mut builder = FlatBufferBuilder::new();
    let dictionaries = builder.create_vector::<Block>(&[]);
    let batches = builder.create_vector(&blocks);
    let schema = IpcSchemaEncoder::new().schema_to_fb_offset(&mut builder, schema);
    let mut footer = FooterBuilder::new(&mut builder);
    footer.add_version(MetadataVersion::V5);
    footer.add_schema(schema);
    footer.add_dictionaries(dictionaries);
    footer.add_recordBatches(batches);
    let root = footer.finish();
    builder.finish(root, None);
    let footer = builder.finished_data();
    let length = u32::try_from(footer.len()).map_err(|error| error.to_string())?;
    Ok([&END_OF_STREAM, footer, &length.to_le_bytes(), MAGIC].concat())
}

fn block(segment: &Placed) -> Result<Block, String> {
    let damaged = || "what was kept of a batch is damaged".to_owned();
    let (header, body) = segment.index.split_first_chunk::<4>().ok_or_else(damaged)?;
    let body: [u8; 8] = body.try_into().map_err(|_| damaged())?;
    let at = i64::try_from(segment.at).map_err(|_| damaged())?;
    Ok(Block::new(at, i32::from_le_bytes(*header), i64::from_le_bytes(body)))
}
