# Unpacks the vectors, because pico_conform reads folders.
.class final Lorg/picodeploy/conform/Vectors;
.super Ljava/lang/Object;

# void remove(File place): with everything in it; one that is not there is fine.
.method static remove(Ljava/io/File;)V
    .registers 4
    invoke-virtual {p0}, Ljava/io/File;->listFiles()[Ljava/io/File;
    move-result-object v0
    if-eqz v0, :empty
    const/4 v1, 0x0
    :next
    array-length v2, v0
    if-ge v1, v2, :empty
    aget-object v2, v0, v1
    invoke-static {v2}, Lorg/picodeploy/conform/Vectors;->remove(Ljava/io/File;)V
    add-int/lit8 v1, v1, 0x1
    goto :next
    :empty
    invoke-virtual {p0}, Ljava/io/File;->delete()Z
    return-void
.end method

# void unpack(InputStream archive, File folder): a zip of files, whose folders are made.
.method static unpack(Ljava/io/InputStream;Ljava/io/File;)V
    .registers 8
    new-instance v0, Ljava/util/zip/ZipInputStream;
    invoke-direct {v0, p0}, Ljava/util/zip/ZipInputStream;-><init>(Ljava/io/InputStream;)V
    const/high16 v1, 0x10000
    new-array v1, v1, [B
    :next_file
    invoke-virtual {v0}, Ljava/util/zip/ZipInputStream;->getNextEntry()Ljava/util/zip/ZipEntry;
    move-result-object v2
    if-eqz v2, :end
    new-instance v3, Ljava/io/File;
    invoke-virtual {v2}, Ljava/util/zip/ZipEntry;->getName()Ljava/lang/String;
    move-result-object v2
    invoke-direct {v3, p1, v2}, Ljava/io/File;-><init>(Ljava/io/File;Ljava/lang/String;)V
    invoke-virtual {v3}, Ljava/io/File;->getParentFile()Ljava/io/File;
    move-result-object v2
    invoke-virtual {v2}, Ljava/io/File;->mkdirs()Z
    new-instance v2, Ljava/io/FileOutputStream;
    invoke-direct {v2, v3}, Ljava/io/FileOutputStream;-><init>(Ljava/io/File;)V
    :next_bytes
    invoke-virtual {v0, v1}, Ljava/util/zip/ZipInputStream;->read([B)I
    move-result v3
    if-lez v3, :end_of_file
    const/4 v4, 0x0
    invoke-virtual {v2, v1, v4, v3}, Ljava/io/FileOutputStream;->write([BII)V
    goto :next_bytes
    :end_of_file
    invoke-virtual {v2}, Ljava/io/FileOutputStream;->close()V
    goto :next_file
    :end
    invoke-virtual {v0}, Ljava/util/zip/ZipInputStream;->close()V
    return-void
.end method
